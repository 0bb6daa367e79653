#!/usr/bin/python3
"""The programs use one TLS library, BoringSSL: programs.py [--self-test] [--jemalloc] PROGRAM...

No program loads OpenSSL's libcrypto or libssl, by itself or through a library, and none exports a
name of theirs, which a library could pick up by mistake. With --jemalloc each must load that. Programs that are not built are left out;
without any the test is skipped.
"""
import os
import re
import subprocess
import sys


def wrong_libraries(ldd):
    return [line.strip() for line in ldd.splitlines()
            if re.search(r'lib(crypto|ssl)\.so\.\d+(\.\d+)*\b', line) and '/android/' not in line
            or 'not found' in line]


def wrong_exports(nm):
    return [name for name in re.findall(r'^[0-9a-f]+ [A-Z] (\S+)$', nm, re.M)
            if name.startswith(('SSL_', 'EVP_'))]


def lacks_jemalloc(ldd):
    return ['does not load libjemalloc'] if 'libjemalloc.so' not in ldd else []


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def self_test():
    good = '\tlibcrypto.so.0 => /usr/lib/x86_64-linux-gnu/android/libcrypto.so.0 (0x1)\n\tlibc.so.6 => /lib/libc.so.6\n'
    wrong = [
        wrong_libraries(good) != [],
        wrong_libraries(good + '\tlibcrypto.so.3 => /lib/x86_64-linux-gnu/libcrypto.so.3 (0x2)\n') == [],
        wrong_libraries('\tlibssl.so.1.1 => /lib/libssl.so.1.1\n') == [],
        wrong_libraries('\tlibcrypto.so.0 => not found\n') == [],
        lacks_jemalloc(good) == [],
        lacks_jemalloc('\tlibjemalloc.so.2 => /lib/libjemalloc.so.2\n') != [],
        wrong_exports('0000000000001000 T main\n') != [],
        wrong_exports('0000000000001000 T EVP_DigestInit\n0000000000001000 T SSL_new\n') == [],
    ]
    print(f'{len(wrong)} samples, {sum(wrong)} wrong')
    return 1 if any(wrong) else 0


def main():
    if '--self-test' in sys.argv[1:]:
        return self_test()
    built = [program for program in sys.argv[1:] if os.path.isfile(program)]
    failed = 0
    for program in built:
        ldd = output('ldd', program)
        findings = wrong_libraries(ldd) + wrong_exports(output('nm', '-D', '--defined-only', program))
        if '--jemalloc' in sys.argv[1:]:
            findings += lacks_jemalloc(ldd)
        failed += bool(findings)
        for finding in findings:
            print(f'{program}: {finding}')
    print(f'{len(built)} programs, {failed} wrong')
    if not built:
        return 77
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
