#!/usr/bin/python3
"""Nothing that rsa_batch does depends on a secret but the numbers themselves.

    secret_test.py BORINGSSL_FOLDER BORINGSSL_INCLUDE ARCHIVE...

1. tests/secret_probe.c, built with clang's MemorySanitizer, signs with secrets that count as
   uninitialised: with the model of the lanes, and with every kind of lanes the processor has.
   The probe's own leaks must be found.
2. The archives of the lanes, disassembled: what is in a vector register never gets to the flags or
   to a register that addresses are made of, and nothing gathers or divides.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNWATCHED = ['sign/sign_key.c', 'sign/sign_key_make.c', 'sign/rsa_batch_key.c', 'base/check.c', 'base/text.c',
             'base/span.c']
WATCHED = ['sign/rsa_batch.c', 'tests/secret_probe.c']
KINDS = {'model': [],
         'avx512': ['-include', 'tests/secret_lanes.h', '-mavx512f', '-mavx512dq'],
         'ifma': ['-mavx512f', '-mavx512dq', '-mavx512ifma']}
# From vectors to flags, to general registers, or to addresses; and division.
FORBIDDEN = re.compile(r'^(v?u?comis[sd]|v?ptest|vtestp[sd]|ktest|kortest|v?movmskp|v?pmovmskb|v?pextr|v?gather'
                       r'|vpgather|v?pscatter|vpscatter|i?div|v?div|v?cvtt?s[sd]2|vcompress|v?sqrt)')


def fail(what):
    print(f'secret: {what}')
    sys.exit(1)


def compile_one(compiler, options, source, target):
    command = [*compiler, *options, '-c', source, '-o', target]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        fail(f'{" ".join(command)}\n{result.stderr}')
    return target


def build(clang, folder, library, include):
    compiler = [clang, '-std=gnu17', '-D_GNU_SOURCE', '-O2', '-g', '-I.', '-isystem', include, '-Wno-psabi']
    watch = ['-fsanitize=memory', '-fno-omit-frame-pointer']
    x86 = platform.machine() == 'x86_64'
    watched = WATCHED + ['sign/rsa_batch_x86.c' if x86 else 'sign/rsa_batch_other.c']
    objects = []
    for source in UNWATCHED + watched:
        options = watch if source in watched else []
        objects.append(compile_one(compiler, options, source, f'{folder}/{os.path.basename(source)}.o'))
    for name in KINDS if x86 else ['model']:
        options = [f'-DLANE_HEADER="sign/lane_{name}.h"', f'-DRSA_LIMB_NAME=rsa_batch_limb_{name}',
                   f'-DRSA_LIMB_LABEL="{name}"', *KINDS[name], *watch]
        objects.append(compile_one(compiler, options, 'sign/rsa_batch_limb.c', f'{folder}/limb_{name}.o'))
    probe = f'{folder}/probe'
    link = [clang, *watch, *objects, f'-L{library}', f'-Wl,-rpath,{library}', '-lcrypto', '-lm', '-rdynamic']
    result = subprocess.run([*link, '-o', probe], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        fail(result.stderr)
    return probe


def watch_probe(probe):
    for leak in ('branch', 'address'):
        result = subprocess.run([probe, leak], capture_output=True, text=True, check=False)
        if result.returncode == 0 or 'MemorySanitizer: use-of-uninitialized-value' not in result.stderr:
            fail(f'a planted leak ({leak}) was not found: {result.stdout}{result.stderr}')
    result = subprocess.run([probe], capture_output=True, text=True, check=False)
    print(result.stdout, end='')
    if result.returncode != 0 or 'model, 1024 bits: no leak' not in result.stdout:
        fail(f'exit status {result.returncode}\n{result.stderr}')


def read_instructions(archive):
    listing = subprocess.run(['objdump', '-d', '--no-show-raw-insn', archive], capture_output=True, text=True,
                             check=True)
    for line in listing.stdout.splitlines():
        match = re.match(r'\s+[0-9a-f]+:\s+(\S+)\s*(.*)', line)
        if match:
            yield match.group(1), match.group(2)


def split(operands):
    """(first, last) operand, comments and embedded memory operands put aside."""
    parts = [part.strip() for part in re.sub(r'\([^)]*\)', '()', operands.split('#')[0]).split(',')]
    return parts[0], parts[-1]


def vector(operand):
    match = re.match(r'%[xyz]mm(\d+)', operand)
    return match.group(1) if match else None


def look_at(archive):
    counts = {'instructions': 0, 'products': 0}
    instructions = [(name, operands, *split(operands)) for name, operands in read_instructions(archive)]
    moves = [(source, target) for name, _, source, target in instructions
             if re.match(r'v?mov[dq]$|v?movdq[au]|kmov', name)]
    # Compilers keep pointers and counters in vector registers: what came from a general register may go back.
    spilled = {vector(target) for source, target in moves if re.match(r'%(e|r)\w+$', source)}
    for _ in range(4):
        spilled |= {vector(target) for source, target in moves if vector(source) in spilled} - {None}
    for name, operands, source, target in instructions:
        counts['instructions'] += 1
        counts['products'] += name.startswith(('vpmadd52', 'vfmadd', 'vfnmadd'))
        leads_out = ((source, target) in moves and bool(re.match(r'%(e|r)\w+$', target))
                     and (source.startswith('%k') or vector(source) not in spilled | {None}))
        if FORBIDDEN.match(name) or leads_out:
            fail(f'{os.path.basename(archive)}: {name} {operands}')
    if counts['instructions'] < 500 or counts['products'] < 100:
        fail(f'{archive}: is that the code of the lanes? {counts}')
    print(f'{os.path.basename(archive)}: {counts["instructions"]} instructions, {counts["products"]} products, '
          'none leads from a vector to flags or addresses')


def main():
    library, include, *archives = sys.argv[1:]
    clang = shutil.which('clang') or shutil.which('clang-14')
    if clang is None:
        print('secret: skipped, no clang here')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        watch_probe(build(clang, folder, library, include))
    for archive in archives:
        look_at(archive)
    return 0


if __name__ == '__main__':
    sys.exit(main())
