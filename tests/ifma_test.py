#!/usr/bin/python3
"""rsa_batch with AVX-512 IFMA in an emulated processor that has it, against BoringSSL's results.

    ifma_test.py ORACLE        ORACLE is tests/ifma/oracle.c

Builds an image that boots without a kernel (tests/ifma) and runs it in bochs as a Tiger Lake.
"""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIOS, VGA = '/usr/share/bochs/BIOS-bochs-latest', '/usr/share/bochs/VGABIOS-lgpl-latest'
WANTED = ['ifma: there', 'ifma: 1024 equal', 'ifma: 2048 equal', 'ifma: 3072 equal']
COMPILE = ['gcc', '-std=gnu17', '-O2', '-ffreestanding', '-fno-stack-protector', '-fno-pic', '-mno-red-zone',
           '-mcmodel=large', f'-I{ROOT}', '-c']
IFMA = ['-O3', '-mavx512f', '-mavx512dq', '-mavx512ifma', '-mprefer-vector-width=512',
        '-DLANE_HEADER="sign/lane_ifma.h"', '-DRSA_LIMB_NAME=rsa_batch_limb_ifma', '-DRSA_LIMB_LABEL="ifma"']
SCRIPT = '''SECTIONS {
  . = 0x10000; .text : { *(.text.start) *(.text*) *(.rodata*) *(.lrodata*) *(.data*) *(.ldata*) }
  . = 0x200000; .bss (NOLOAD) : { *(.bss*) *(.lbss*) *(COMMON) }
  /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
}'''
BOCHSRC = f'''cpu: model=tigerlake, count=1, ips=50000000, reset_on_triple_fault=0
megs: 64
romimage: file={BIOS}
vgaromimage: file={VGA}
ata0-master: type=disk, path=disk.img, mode=flat, cylinders=20, heads=16, spt=63
boot: disk
port_e9_hack: enabled=1
display_library: term
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: bochs.log
panic: action=fatal
'''


def write(path, text):
    with open(path, 'w', encoding='ascii') as file:
        file.write(text)


def build(folder, oracle):
    def run(*command):
        subprocess.run(command, cwd=folder, check=True)

    run(oracle, 'vectors.bin')
    write(f'{folder}/vectors.S', '.section .note.GNU-stack\n.section .rodata\n.balign 64\n.globl vectors\n'
                                 'vectors: .incbin "vectors.bin"\n')
    write(f'{folder}/guest.ld', SCRIPT)
    run(*COMPILE, f'{ROOT}/tests/ifma/guest.c', '-o', 'guest.o')
    run(*COMPILE, f'{ROOT}/sign/rsa_batch.c', '-o', 'rsa_batch.o')
    run(*COMPILE, *IFMA, f'{ROOT}/sign/rsa_batch_limb.c', '-o', 'limb.o')
    run('gcc', '-c', 'vectors.S', '-o', 'vectors.o')
    run('gcc', '-c', f'{ROOT}/tests/ifma/boot.S', '-o', 'boot.o')
    run('ld', '-m', 'elf_x86_64', '-T', 'guest.ld', '-e', 'start', 'guest.o', 'rsa_batch.o', 'limb.o', 'vectors.o',
        '-o', 'guest.elf')
    run('objcopy', '-O', 'binary', '-R', '.bss', 'guest.elf', 'guest.bin')
    run('ld', '-m', 'elf_x86_64', '-Ttext', '0x7c00', '--oformat', 'binary', 'boot.o', '-o', 'boot.bin')
    with open(f'{folder}/disk.img', 'wb') as image:
        for name in ('boot.bin', 'guest.bin'):
            with open(f'{folder}/{name}', 'rb') as part:
                image.write(part.read())
        if image.tell() > 512 * 513:
            sys.exit('ifma: the image is larger than what boot.S reads')
        image.truncate(20 * 16 * 63 * 512)


def emulate(folder):
    """bochs writes to a terminal only; Debian's begins in its debugger, hence the two commands."""
    write(f'{folder}/bochsrc', BOCHSRC)
    write(f'{folder}/commands', 'c\nq\n')
    result = subprocess.run(['script', '-qec', 'bochs -q -f bochsrc -rc commands', '/dev/null'], cwd=folder,
                            stdin=subprocess.DEVNULL, capture_output=True, timeout=500, check=False,
                            env={**os.environ, 'TERM': 'xterm'})
    return result.stdout.decode('ascii', 'replace')


def main():
    missing = [name for name in ('bochs', 'script', 'gcc', 'objcopy') if shutil.which(name) is None]
    missing += [path for path in (BIOS, VGA) if not os.path.exists(path)]
    if missing:
        print(f'ifma: skipped, missing: {", ".join(missing)}')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        build(folder, os.path.abspath(sys.argv[1]))
        said = emulate(folder)
    failed = [line for line in WANTED if line not in said]
    for line in WANTED:
        print(line if line not in failed else f'not seen: {line}')
    if failed:
        print(said[-3000:])
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
