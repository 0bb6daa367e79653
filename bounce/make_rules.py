#!/usr/bin/python3
"""Compiles rules of reply classes into C.

    make_rules.py RULES.yaml rules_table.c     the table of bounce/rules.h
    make_rules.py --tests RULES.yaml OUT.tsv   the rules' own test lines, for the tests

The form of the file is described at its top; bounce/rules_file.c reads the same form at run time.
"""
import re
import sys

import yaml

STEPS = ['provider', 'status', 'phrase', 'weak-status', 'stage', 'code']
STAGES = {'greeting': 'STAGE_GREETING', 'ehlo': 'STAGE_EHLO', 'tls': 'STAGE_TLS', 'mail': 'STAGE_MAIL',
          'rcpt': 'STAGE_RCPT', 'data': 'STAGE_DATA', 'body': 'STAGE_BODY', 'dot': 'STAGE_DOT',
          'connect': 'STAGE_CONNECT', 'resolve': 'STAGE_RESOLVE'}
KEYS = {'id', 'class', 'host', 'code', 'status', 'weak', 'stage', 'text', 'with', 'without', 'source', 'tests'}
CLASSES = '''unknown no-user no-domain null-mx moved inactive mailbox-full recipient-refused suppressed expired
network system rate-limited greylisted blocked auth tls policy sender-rejected relay-denied spam virus content
too-large protocol delayed success complaint unsubscribe auto-reply challenge report'''.split()


def fail(rule, what):
    sys.exit(f'make_rules: rule {rule.get("id", rule)}: {what}')


def as_list(value):
    return [] if value is None else [str(v) for v in value] if isinstance(value, list) else [str(value)]


def code_range(rule):
    value = str(rule.get('code', ''))
    if value == '':
        return 0, 599
    if re.fullmatch(r'[2-5]\d\d', value):
        return int(value), int(value)
    if re.fullmatch(r'[2-5]\d\d-[2-5]\d\d', value):
        first, last = (int(v) for v in value.split('-'))
        return first, last
    if re.fullmatch(r'[2-5](\dx|xx)', value):
        return int(value.replace('x', '0')), int(value.replace('x', '9'))
    fail(rule, f'code {value!r}')


def status_parts(rule, value):
    parts = value.lower().split('.')
    if len(parts) != 3 or not all(re.fullmatch(r'x|\d{1,3}', p) for p in parts):
        fail(rule, f'status {value!r}')
    return ['RULES_ANY' if p == 'x' else p for p in parts]


def step_of(rule):
    if rule.get('host'):
        return 'provider'
    if rule.get('status') and not rule.get('weak'):
        return 'status'
    if rule.get('text'):
        return 'phrase'
    if rule.get('status'):
        return 'weak-status'
    if rule.get('stage'):
        return 'stage'
    if 'code' not in rule:
        fail(rule, 'asks for nothing')
    return 'code'


def quote(text):
    if re.search(r'[\x00-\x1f\x7f]', text):
        sys.exit(f'make_rules: control character in {text!r}')
    escaped = text.replace('\\', '\\\\').replace('"', '\\"')
    return '"' + ''.join(c if ord(c) < 127 else ''.join(f'\\{b:03o}' for b in c.encode()) for c in escaped) + '"'


def load(path):
    with open(path, encoding='utf-8') as file:
        data = yaml.safe_load(file)
    seen = set()
    for rule in data['rules']:
        if not set(rule) <= KEYS or 'id' not in rule or rule.get('class') not in CLASSES:
            fail(rule, f'keys {sorted(set(rule) - KEYS)}, class {rule.get("class")}')
        if rule['id'] in seen:
            fail(rule, 'stands twice')
        if not rule.get('tests'):
            fail(rule, 'has no test lines')
        seen.add(rule['id'])
    return data


class Table:
    def __init__(self):
        self.lists = {'hosts': [], 'statuses': [], 'phrases': []}

    def put(self, name, items):
        first = len(self.lists[name])
        self.lists[name] += items
        return f'{{{first if items else 0}, {len(items)}}}'


def write_table(data, path):
    table, rows = Table(), []
    for rule in sorted(data['rules'], key=lambda r: STEPS.index(step_of(r))):
        first, last = code_range(rule)
        stages = ' | '.join(f'1U << {STAGES[s]}' for s in as_list(rule.get('stage'))) or '0'
        cells = [quote(rule['id']), 'RULES_' + step_of(rule).replace('-', '_').upper(),
                 'BOUNCE_' + rule['class'].replace('-', '_').upper(), str(first), str(last), stages,
                 table.put('hosts', [quote(h.lower()) for h in as_list(rule.get('host'))]),
                 table.put('statuses', ['{{' + ', '.join(status_parts(rule, s)) + '}}'
                                        for s in as_list(rule.get('status'))])]
        cells += [table.put('phrases', [quote(p) for p in as_list(rule.get(key))])
                  for key in ('text', 'with', 'without')]
        rows.append('    {' + ', '.join(cells) + '},')
    lists = table.lists
    with open(path, 'w', encoding='utf-8') as out:
        out.write('/* Made by bounce/make_rules.py from bounce/rules.yaml. */\n#include "bounce/rules.h"\n\n')
        for name, kind in (('phrases', 'char *const'), ('hosts', 'char *const'), ('statuses', 'struct rules_status')):
            out.write(f'static const {kind} {name}[] = {{\n' + ''.join(f'    {i},\n' for i in lists[name]) + '};\n\n')
        out.write('static const struct rules_rule list[] = {\n' + '\n'.join(rows) + '\n};\n\n')
        out.write('static const struct rules builtin = {\n'
                  f'    {int(data["version"])}, {len(rows)}, {len(lists["phrases"])}, {len(lists["hosts"])}, '
                  f'{len(lists["statuses"])}, list, phrases, hosts, statuses}};\n\n'
                  'const struct rules *rules_builtin(void)\n{\n    return &builtin;\n}\n')


def write_tests(data, path):
    with open(path, 'w', encoding='utf-8') as out:
        for rule in data['rules']:
            for line in as_list(rule['tests']):
                out.write(f'{rule["id"]}\t{rule["class"]}\t{line}\n')


if __name__ == '__main__':
    if sys.argv[1] == '--tests':
        write_tests(load(sys.argv[2]), sys.argv[3])
    else:
        write_table(load(sys.argv[1]), sys.argv[2])
