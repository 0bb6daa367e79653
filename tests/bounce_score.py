#!/usr/bin/env python3
"""Reads the corpus of real bounces with `ringpost bounce read` and holds the result to floors.

  bounce_score.py RINGPOST

The corpus is not part of this repository (its licences differ): $RINGPOST_CORPORA names the folder, else
shared/corpora beside the checkout's parent is looked for. Without it the test says so and skips. Floors only
rise: when a change makes a figure better, raise its floor with it.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SKIP = 77

# What `bounce-score` prints, and the least that it may be, for all samples and for those not Sisimai's.
FLOORS = {
    'all': {
        'recipient recall': 98.3,
        'recipient precision': 99.4,
        'class, lenient': 96.9,
        'outcome for the list': 89.2,
        'outcome, lenient': 99.5,
        'kind right': 97.4,
        'complaints seen as such': 100.0,
    },
    'not sisimai': {
        'recipient recall': 98.0,
        'recipient precision': 99.5,
        'class, lenient': 95.8,
        'outcome for the list': 87.3,
        'outcome, lenient': 98.6,
        'kind right': 98.9,
        'complaints seen as such': 100.0,
    },
}
# Of ordinary mail, so many percent may be taken for a bounce (one in 120).
FALSE_ALARMS_MAX = 0.9


def corpora():
    """The folder with the corpora and the scorer, or None."""
    folders = [os.environ.get('RINGPOST_CORPORA', '')]
    above = ROOT
    for _ in range(3):
        above = os.path.dirname(above)
        folders.append(os.path.join(above, 'shared', 'corpora'))
    for folder in folders:
        if folder and os.path.isfile(os.path.join(folder, 'bounces', 'expected.jsonl')):
            return os.path.abspath(folder)
    return None


def read_all(ringpost, bounces):
    """Answers of the program, one line a message; paths as expected.jsonl has them."""
    with open(os.path.join(bounces, 'expected.jsonl'), encoding='utf-8') as file:
        paths = [json.loads(line)['file'] for line in file]
    done = subprocess.run([ringpost, 'bounce', 'read', '--json'] + paths, cwd=bounces, capture_output=True,
                          timeout=120, check=False)
    if done.returncode != 0:
        sys.exit('ringpost bounce read: exit %d: %s' % (done.returncode, done.stderr.decode()))
    if done.stdout.count(b'\n') != len(paths):
        sys.exit('%d messages, %d lines' % (len(paths), done.stdout.count(b'\n')))
    return done.stdout


def score(folder, answers):
    """{'all': {'recipient recall': 98.1, ...}, ...} from the scorer's lines."""
    scorer = os.path.join(os.path.dirname(folder), 'tools', 'bounce-score')
    answers_path = 'answers.%d.jsonl' % os.getpid()
    with open(answers_path, 'wb') as file:
        file.write(answers)
    done = subprocess.run([sys.executable, scorer, os.path.join(folder, 'bounce-classes.tsv'),
                           os.path.join(folder, 'bounces', 'expected.jsonl'), answers_path],
                          capture_output=True, text=True, timeout=120, check=False)
    os.unlink(answers_path)
    if done.returncode != 0:
        sys.exit(done.stderr)
    print(done.stdout)
    figures, part = {}, None
    for line in done.stdout.splitlines():
        if not line.startswith(' '):
            part = line.split(':')[0]
            figures[part] = {}
        elif '%' in line:
            name, figure = line[:34].strip(), line[34:].split('%')[0]
            figures[part][name] = float(figure)
    return figures


def check(figures):
    """How many figures are under their floor."""
    bad = 0
    for part, floors in FLOORS.items():
        for name, floor in floors.items():
            found = figures[part].get(name)
            if found is None or found < floor:
                print('%s: %s is %s, not %.1f' % (part, name, found, floor))
                bad += 1
        if figures[part]['ordinary mail etc. taken for one'] > FALSE_ALARMS_MAX:
            print('%s: too many false alarms' % part)
            bad += 1
    return bad


def main():
    folder = corpora()
    if folder is None:
        print('skipped: no corpus of bounces ($RINGPOST_CORPORA, or shared/corpora beside the checkout)')
        return SKIP
    figures = score(folder, read_all(os.path.abspath(sys.argv[1]), os.path.join(folder, 'bounces')))
    bad = check(figures)
    print('%d figures under their floor' % bad if bad else 'all figures at or above their floors')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
