#!/usr/bin/python3
"""count_tests.py TESTLOG.json: "passed failed skipped" from a meson test log, and on standard error
the name and last lines of every test that failed."""
import json
import sys

FAILED = {'FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT', 'UNEXPECTEDPASS'}


def main():
    passed = failed = skipped = 0
    with open(sys.argv[1], encoding='utf-8') as log:
        for line in log:
            test = json.loads(line)
            if test['result'] in FAILED:
                failed += 1
                output = (test.get('stdout') or '') + (test.get('stderr') or '')
                print(f'  {test["name"]}: {test["result"]}', file=sys.stderr)
                for row in output.splitlines()[-15:]:
                    print(f'    {row[:200]}', file=sys.stderr)
            elif test['result'] == 'SKIP':
                skipped += 1
            else:
                passed += 1
    print(passed, failed, skipped)


if __name__ == '__main__':
    main()
