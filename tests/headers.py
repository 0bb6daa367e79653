#!/usr/bin/python3
"""Every header compiles alone: headers.py BUILD_DIR FOLDER...

Each header is the only thing in a translation unit, compiled with the options that
compile_commands.json of the build has for a file of the same folder.
"""
import concurrent.futures
import glob
import json
import os
import shlex
import subprocess
import sys


def options(command):
    """The compiler and its options, without input, output and dependency files."""
    words, kept, skip = shlex.split(command['command']), [], False
    for word in words:
        if skip:
            skip = False
        elif word in ('-o', '-c', '-MF', '-MQ'):
            skip = True
        elif word not in ('-MD',):
            kept.append(word)
    return kept


def compile_alone(job):
    header, command, where = job
    result = subprocess.run(command + ['-fsyntax-only', '-include', header, '-x', 'c', '/dev/null'],
                            cwd=where, capture_output=True, text=True, check=False)
    return header, result.returncode, result.stderr


def main():
    build, folders = sys.argv[1], sys.argv[2:]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        commands = json.load(file)
    by_folder = {os.path.basename(os.path.dirname(c['file'])): options(c) for c in commands}
    jobs = []
    for folder in folders:
        # Any folder's options do for one that has only headers yet.
        command = by_folder.get(folder, next(iter(by_folder.values())))
        for header in sorted(glob.glob(os.path.join(root, folder, '*.h'))):
            jobs.append((header, command, build))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for header, status, errors in pool.map(compile_alone, jobs):
            if status != 0:
                failed += 1
                print(f'{os.path.relpath(header, root)} does not compile alone:\n{errors}')
    print(f'{len(jobs)} headers, {failed} do not compile alone')
    return 1 if failed or not jobs else 0


if __name__ == '__main__':
    sys.exit(main())
