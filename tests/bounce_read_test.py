#!/usr/bin/env python3
"""`ringpost bounce read`: files, mbox files, Maildirs, standard input; exit codes; messages of any size.

  bounce_read_test.py RINGPOST
"""
import json
import os
import subprocess
import sys
import tempfile

import reports

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORPUS = os.path.join(ROOT, 'tests', 'corpus')
RINGPOST = os.path.abspath(sys.argv[1])


def read(*arguments, stdin=b'', code=0):
    done = subprocess.run([RINGPOST, 'bounce', 'read'] + list(arguments), input=stdin, capture_output=True,
                          timeout=60, check=False)
    if done.returncode != code:
        sys.exit('%s: exit %d, not %d: %s' % (arguments, done.returncode, code, done.stderr.decode()))
    return done


def lines(*arguments, **options):
    return [json.loads(line) for line in read('--json', *arguments, **options).stdout.splitlines()]


def check(found, expected, what):
    if found != expected:
        sys.exit('%s: %r, not %r' % (what, found, expected))


def sample(name):
    with open(os.path.join(CORPUS, name), 'rb') as file:
        return file.read()


def files(folder):
    path = os.path.join(CORPUS, 'qmail.eml')
    found = lines(path)
    check([(m['file'], m['kind']) for m in found], [(path, 'bounce')], 'a file')
    check([(r['addr'], r['action']) for r in found[0]['recipients']],
          [('kira@example.org', 'failed'), ('lars@example.org', 'failed')], 'its recipients')
    check(found[0]['recipients'][1]['status'], '5.1.2', 'status')
    check('5.1.2' in found[0]['recipients'][1]['reply'], True, 'reply')
    check([m['file'] for m in lines('-', stdin=sample('away.eml'))], ['-'], 'standard input')
    plain = read(path).stdout.decode()
    check(plain.startswith(path + ': bounce\n  kira@example.org no-user'), True, 'plain: ' + plain)
    missing = os.path.join(folder, 'missing')
    check(len(lines(missing, path, code=1)), 1, 'a missing file is passed over')
    read(code=2)
    read('--nonsense', path, code=2)
    empty = os.path.join(folder, 'empty')
    with open(empty, 'wb'):
        pass
    check([m['kind'] for m in lines(empty)], ['normal'], 'an empty file')


def mbox(folder):
    names = ['postfix-two.eml', 'person.eml', 'exim.eml', 'arf-abuse.eml']
    path = os.path.join(folder, 'all.mbox')
    with open(path, 'wb') as file:
        for name in names:
            file.write(b'From a@example.org Mon Jun  3 10:00:00 2024\n' + sample(name).replace(b'\r\n', b'\n') + b'\n')
    found = lines(path)
    check([(m['file'], m['kind']) for m in found],
          list(zip([path + '#%d' % (i + 1) for i in range(4)], ['bounce', 'normal', 'bounce', 'complaint'])), 'mbox')
    check([m['file'] for m in lines('--mbox', '-', stdin=open(path, 'rb').read())],
          ['-#%d' % (i + 1) for i in range(4)], 'mbox on standard input')
    # A message that is larger than what is kept in memory: its front counts, and so does the next message.
    with open(path, 'ab') as file:
        file.write(b'From b Mon Jun  3 10:00:00 2024\n' + sample('exim.eml'))
        for _ in range(300):
            file.write(b'x' * 63 + b'\n' + b'From here on ' * 4900 + b'\n')
        file.write(b'\nFrom c Mon Jun  3 10:00:00 2024\n' + sample('away.eml'))
    found = lines(path)
    check([m['kind'] for m in found[4:]], ['bounce', 'auto-reply'], 'a message of 19 MB')


def maildir(folder):
    for part in ('cur', 'new', 'tmp'):
        os.makedirs(os.path.join(folder, 'mail', part))
    for part, name in (('new', 'google.eml'), ('cur', 'receipt.eml'), ('tmp', 'exim.eml')):
        with open(os.path.join(folder, 'mail', part, '1.' + name), 'wb') as file:
            file.write(sample(name))
    found = lines(os.path.join(folder, 'mail'))
    check([m['kind'] for m in found], ['report', 'bounce'], 'a Maildir: cur and new, not tmp')
    check(len(lines(CORPUS)) >= 40, True, 'a folder of files')


def long_values(folder):
    """A line ends, however long what it quotes: the next message's has its own."""
    paths = [os.path.join(folder, name) for name in ('value', 'octets', 'usual')]
    values = ('<' + '\n '.join(['\x01' * 900] * 455) + '>', None, 'a@example.org')
    for path, value in zip(paths, values):
        with open(path, 'w', encoding='ascii', newline='') as file:
            file.write(reports.dsn('x@y', value) if value else reports.octets('x@y'))
    found = lines(*paths)
    check([m['file'] for m in found], paths, 'a line each')
    check([len(m['recipients']) for m in found][::2], [1, 1], 'all told')
    check(len(found[0]['recipients'][0]['addr']), 1024, 'cut')
    told = len(found[1]['recipients'])
    check((0 < told, told + found[1]['recipients_more']), (True, 256), 'what does not fit is counted')


def memory(folder):
    path = os.path.join(folder, 'large')
    with open(path, 'wb') as file:
        file.write(b'From: MAILER-DAEMON@example.org\nContent-Transfer-Encoding: base64\n\n')
        for _ in range(1600):
            file.write(b'QUFB' * 16384)
    script = ('import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);'
              'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)')
    done = subprocess.run([sys.executable, '-c', script, RINGPOST, 'bounce', 'read', '--json', path],
                          capture_output=True, timeout=60, check=True)
    used = int(done.stdout)
    print('100 MB of base64: %d KiB resident' % used)
    if '--san' not in sys.argv and used > 40 * 1024:
        sys.exit('too much')


def main():
    with tempfile.TemporaryDirectory() as folder:
        for part in (files, mbox, maildir, long_values, memory):
            part(folder)
    print('bounce read: as it should be')


if __name__ == '__main__':
    main()
