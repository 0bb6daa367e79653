#!/usr/bin/python3
"""The rules of STYLE.md that a machine can check by reading.

    tidy.py [--warnings] [ARCHIVE.a ...]   checks the tree, and the archives' symbols with nm
    tidy.py --self-test                    shows every check failing on a made-up sample

Each check is a generator over a Tree; it yields (path, line, what is wrong). A tree is only a dict
from path to text, so that the self-test can make one up.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

LAYERS = {'base': 0, 'message': 1, 'io': 1, 'queue': 2, 'schedule': 2, 'dns': 2, 'tls': 2, 'smtp': 2,
          'sign': 2, 'bounce': 2, 'http': 2, 'engine': 3, 'tools': 4, 'sim': 4, 'bench': 4, 'tests': 4}
IO_USERS = {'io', 'engine', 'tools', 'sim', 'bench', 'tests'}
PURE = {folder for folder, layer in LAYERS.items() if layer <= 2 and folder != 'io'}

LINES_WARN, LINES_MAX, FUNCTION_LINES_MAX = 400, 500, 70
LONG_FILES_ALLOWED = re.compile(r'(_test|_table|_tables|/rules)\.[ch]$')

# Parsers of bytes from outside: each has a fuzz target with a corpus.
PARSERS = {'address', 'verp', 'csv', 'ndjson', 'template', 'mime', 'config', 'reply_reader', 'ehlo',
           'smtp', 'answer', 'dane', 'http_response', 'https_url', 'sts_policy', 'sts_cache', 'tlsrpt_record', 'record',
           'segment', 'recover', 'report', 'complaint', 'list_path'}

CALL = r'(?<![\w.>])(?:%s)\s*\('
CLOCKS = CALL % 'time|clock|clock_gettime|gettimeofday|timespec_get|ftime|times'
CHANCE = CALL % (r'rand|rand_r|srand|random|srandom|drand48|lrand48|getrandom|getentropy|arc4random\w*'
                 r'|RAND_\w+')
SLEEPS = CALL % 'sleep|usleep|nanosleep|clock_nanosleep'
MALLOC = CALL % 'malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|strdup|strndup|free'
PRINTF = CALL % r'v?(?:f|s|sn|d|as)?printf|puts|fputs|putchar'
UNSAFE = CALL % 'strcpy|strcat|strncat|stpcpy|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok'
SHARED = CALL % ('localtime|gmtime|asctime|ctime|setenv|putenv|unsetenv|strsignal|inet_ntoa|gethostby\\w+|getpw(?:nam|uid)'
                 '|getgr(?:nam|gid)|ttyname|ptsname|tmpnam|setlocale')
SYSTEM = CALL % ('socket|connect|accept4?|bind|listen|send|recv|sendto|recvfrom|sendmsg|recvmsg|open|openat'
                 '|fopen|read|write|pread|pwrite|close|mmap|fsync|fdatasync|unlink|rename')

EVERYWHERE = set(LAYERS)
BANS = [  # (what, pattern, folders)
    ('clock', CLOCKS, EVERYWHERE - {'io', 'tests', 'tools', 'bench'}),
    ('chance', CHANCE, EVERYWHERE - {'io', 'tests', 'tools', 'bench'}),
    ('sleep', SLEEPS, EVERYWHERE - {'tests', 'bench'}),
    ('malloc family', MALLOC, PURE | {'io'}),
    ('printf family', PRINTF, PURE | {'io'}),
    ('unsafe function', UNSAFE, EVERYWHERE),
    ('not thread safe', SHARED, EVERYWHERE),
    ('system call', SYSTEM, PURE),
]
# (path, ban): why. Whoever adds a line here explains it to the reviewer.
BANS_LIFTED = {
    ('base/check.c', 'printf family'): 'the crash line',
    ('base/text.c', 'printf family'): 'text_add_format is the one place',
    ('base/arena.c', 'malloc family'): 'the one allocation at start',
    ('dns/question.c', 'malloc family'): 'what ldns hands out, freed before returning',
    ('dns/answer.c', 'malloc family'): 'what ldns hands out, freed before returning',
    ('tls/tls_memory.c', 'malloc family'): 'what BoringSSL allocates, counted against a limit',
    ('io/io_uring.c', 'malloc family'): 'the seam itself, at open and close',
    ('io/io_group.c', 'malloc family'): 'the seam itself, at open and close',
}
EXPORTS_LIFTED = {
    'ldns_shim.c.o': 'the four names of OpenSSL that ldns misses in BoringSSL',
}
PREPROCESSOR_ALLOWED = ('base/', 'io/')

# What a pure archive may not import: these are the seam's business.
SYMBOLS_BANNED = set('''
    socket connect accept accept4 bind listen send sendto sendmsg recv recvfrom recvmsg poll ppoll
    select epoll_create epoll_create1 epoll_wait open open64 openat openat64 creat fopen fopen64 fdopen
    read write pread pread64 pwrite pwrite64 readv writev close mmap mmap64 msync fsync fdatasync
    ftruncate ftruncate64 unlink unlinkat rename renameat stat fstat lstat opendir getaddrinfo
    gethostbyname time clock clock_gettime gettimeofday timespec_get nanosleep usleep sleep rand rand_r
    srand random srandom drand48 getrandom getentropy arc4random arc4random_buf RAND_bytes syscall
    pthread_create fork execve'''.split())


def strip(text):
    """C without comments, strings and character literals; lines stay where they are."""
    def blank(match):
        kept = match.group(0)
        if kept[0] in '"\'':
            return kept[0] + kept[0]
        return re.sub(r'[^\n]', ' ', kept)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


class Tree:
    def __init__(self, files):
        self.files = files
        self.bare = {path: strip(text) for path, text in files.items() if path.endswith(('.c', '.h'))}

    def sources(self):
        """(path, folder, stem, text) of C files in the floor plan."""
        for path in sorted(self.bare):
            folder = path.split('/')[0]
            if '/' in path and folder in LAYERS:
                yield path, folder, os.path.splitext(os.path.basename(path))[0], self.files[path]


def load():
    """What git has or would add; without git, what lies there."""
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '-z'], cwd=ROOT,
                            capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split('\0') if name]
    if listed.returncode != 0:
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [f for f in folders if not f.startswith(('.git', 'build'))]
            names += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    files = {}
    for name in names:
        try:
            with open(os.path.join(ROOT, name), encoding='utf-8', newline='') as file:
                files[name] = '' if name.startswith('tests/fuzz/corpus/') else file.read()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # not text, or deleted and not committed yet
    return Tree(files)


def line_at(text, position):
    return text.count('\n', 0, position) + 1


def is_test(path):
    return path.startswith('tests/') or path.endswith(('_test.c', '_fuzz.c'))


def check_layers(tree):
    for path, folder, _, text in tree.sources():
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', text, re.M):
            target, line = match.group(1), line_at(text, match.start())
            other = target.split('/')[0]
            if '/' not in target:
                yield path, line, f'include "{target}" by its path from the root'
            elif other not in LAYERS:
                yield path, line, f'{other}/ is not in the floor plan'
            elif is_test(path) and other in ('tests', 'base'):
                continue
            elif other == folder:
                continue
            elif LAYERS[other] >= LAYERS[folder] and LAYERS[folder] < 4:
                yield path, line, f'{folder}/ (L{LAYERS[folder]}) includes {other}/ (L{LAYERS[other]})'
            elif other == 'io' and folder not in IO_USERS:
                yield path, line, 'only engine/ and the programs include io/'


def check_stems(tree):
    seen = {}
    for path, _, stem, _ in tree.sources():
        if not path.endswith('.h'):
            continue
        if stem in seen:
            yield path, 1, f'stem "{stem}" is taken by {seen[stem]}'
        if re.match(r'(sched|time|clock|random|ssl|bio|io_uring|str|mem)(_|$)', stem):
            yield path, 1, f'stem "{stem}" belongs to a library'
        seen[stem] = path


def check_sizes(tree, warnings=None):
    for path, _, _, text in tree.sources():
        lines = text.count('\n')
        if LONG_FILES_ALLOWED.search(path):
            continue
        if lines > LINES_MAX:
            yield path, 1, f'{lines} lines (at most {LINES_MAX}): which noun is hiding in it?'
        elif lines > LINES_WARN and warnings is not None:
            warnings.append(f'{path}: {lines} lines')


def functions(bare):
    """(first line, text) of each function body: braces in column 0."""
    for match in re.finditer(r'^\{\n(.*?)^\}', bare, re.M | re.S):
        yield line_at(bare, match.start()), match.group(1)


def check_functions(tree):
    for path, _, _, _ in tree.sources():
        if is_test(path):
            continue
        for line, body in functions(tree.bare[path]):
            if body.count('\n') > FUNCTION_LINES_MAX:
                yield path, line, f'function of {body.count(chr(10))} lines (at most {FUNCTION_LINES_MAX})'


def check_bans(tree):
    for path, folder, _, _ in tree.sources():
        bare = tree.bare[path]
        for what, pattern, folders in BANS:
            if (folder not in folders or (path, what) in BANS_LIFTED or
                    is_test(path)):
                continue
            for match in re.finditer(pattern, bare):
                yield path, line_at(bare, match.start()), f'{what}: {match.group(0)}...)'


def check_goto(tree):
    for path, _, _, _ in tree.sources():
        for line, body in functions(tree.bare[path]):
            labels = {m.group(1): m.start() for m in re.finditer(r'^\s*(\w+):\s*(?:;|$)', body, re.M)}
            for match in re.finditer(r'\bgoto\s+(\w+)', body):
                if labels.get(match.group(1), len(body)) < match.start():
                    yield path, line + line_at(body, match.start()), f'goto {match.group(1)} goes backwards'


def check_preprocessor(tree):
    for path, folder, stem, _ in tree.sources():
        if path.startswith(PREPROCESSOR_ALLOWED) or is_test(path):
            continue
        guard = f'{folder}_{stem}_H'.upper()
        for match in re.finditer(r'^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)\b[ \t]*(.*)$', tree.bare[path], re.M):
            if match.group(2).strip() not in (guard, 'OPENSSL_IS_BORINGSSL'):
                yield path, line_at(tree.bare[path], match.start()), f'#{match.group(1)} outside base/ and io/'


def check_headers(tree):
    for path, folder, stem, text in tree.sources():
        if path.startswith('tests/fuzz/'):
            continue
        name = os.path.basename(path)
        if path.endswith('.h'):
            guard = re.sub(r'\W', '_', path[:-2]).upper() + '_H'
            if not text.startswith(f'/* {name} - '):
                yield path, 1, f'must open with "/* {name} - what it is"'
            if not re.search(rf'^#ifndef {guard}\n#define {guard}$', text, re.M):
                yield path, 1, f'guard must be {guard}'
            continue
        first = re.search(r'^#include\s+(\S+)', text, re.M)
        own = f'{folder}/{stem}.h'
        if own in tree.files and (first is None or first.group(1) != f'"{own}"'):
            yield path, 1, f'must include its own header "{own}" first'


def check_tests(tree):
    names = set(tree.files)
    for path, folder, stem, _ in tree.sources():
        if folder not in PURE or not path.endswith('.c') or is_test(path):
            continue
        # config_show.c may be tested by config_test.c: the noun that it begins with.
        parts = stem.split('_')
        tests = [f'{folder}/{"_".join(parts[:n])}_test.c' for n in range(1, len(parts) + 1)]
        if not names.intersection(tests):
            yield path, 1, f'has no {folder}/{stem}_test.c'
        if stem in PARSERS and f'{folder}/{stem}_fuzz.c' not in names:
            yield path, 1, 'reads bytes from outside and has no fuzz target'
    for path in sorted(names):
        if path.endswith('_fuzz.c'):
            corpus = f'tests/fuzz/corpus/{os.path.basename(path)[:-7]}/'
            if not any(name.startswith(corpus) for name in names):
                yield path, 1, f'has no corpus in {corpus}'


def check_residue(tree):
    for path, text in sorted(tree.files.items()):
        if re.search(r'(\.orig|\.rej|\.bak|\.swp|\.o|\.a|\.pyc|~)$', path):
            yield path, 1, 'should not be in the tree'
        if path.startswith('tests/fuzz/corpus/') or '/data/' in path or path == 'scripts/tidy.py':
            continue
        if not path.endswith(('.c', '.h', '.py', '.sh', '.md', '.build', '.txt', '.yaml')):
            continue
        if text and not text.endswith('\n'):
            yield path, text.count('\n') + 1, 'no newline at the end'
        for match in re.finditer(r'[ \t]+$|\r', text, re.M):
            yield path, line_at(text, match.start()), 'trailing space or CR'
        for match in re.finditer(r'(?<!X)\b(FIXME|XXX(?!X)|dbg\()|\bTODO(?!\(#\d+\))', text):
            yield path, line_at(text, match.start()), f'{match.group(0)} left behind'
        if path.endswith(('.c', '.h')) and '\t' in text:
            yield path, line_at(text, text.index('\t')), 'tab'


CHECKS = [check_layers, check_stems, check_sizes, check_functions, check_bans, check_goto,
          check_preprocessor, check_headers, check_tests, check_residue]


def check_exports(tree, folder, listing):
    """`listing` is nm -g --defined-only -A: every exported name begins with a stem of its folder."""
    stems = {stem for path, where, stem, _ in tree.sources() if path.endswith('.h') and where == folder}
    if folder in ('io', 'sim'):
        stems |= {stem for path, where, stem, _ in tree.sources() if path.endswith('.h') and where == 'io'}
    for line in listing.splitlines():
        match = re.match(r'\S*?:?([\w.-]+\.o):\s*[0-9a-f]+ ([A-Z]) (\S+)$', line)
        if match is None or match.group(1) in EXPORTS_LIFTED:
            continue
        if match.group(3).startswith(('__', 'LLVMFuzzer', 'OPENSSL_memory_', '.')):
            continue  # the sanitizers' and libraries' own
        name = match.group(3)
        if not any(name == stem or name.startswith(stem + '_') for stem in stems):
            yield match.group(1), 0, f'exports {name}, which begins with no header of {folder}/'


def check_imports(folder, listing):
    """`listing` is nm -u -A."""
    if folder not in PURE:
        return
    for line in listing.splitlines():
        match = re.match(r'\S*?:?([\w.-]+\.o):\s+U (\S+)$', line)
        if match and match.group(2).split('@')[0] in SYMBOLS_BANNED:
            yield match.group(1), 0, f'{folder}/ imports {match.group(2)}'


def nm(arguments, archive):
    return subprocess.run(['nm', *arguments, archive], capture_output=True, text=True, check=True).stdout


def check_archive(tree, archive):
    # DIR/base/libbase.a: the folder is where it was built.
    folder = os.path.basename(os.path.dirname(os.path.abspath(archive)))
    findings = list(check_exports(tree, folder, nm(['-A', '-g', '--defined-only'], archive)))
    return findings + list(check_imports(folder, nm(['-A', '-u'], archive)))


def run(archives, show_warnings):
    tree, warnings, findings = load(), [], []
    for check in CHECKS:
        findings += check(tree, warnings) if check is check_sizes else check(tree)
    for archive in archives:
        findings += check_archive(tree, archive)
    for path, line, what in findings:
        print(f'{path}:{line}: {what}')
    if show_warnings:
        print(*(f'warning: {warning}' for warning in warnings), sep='\n')
    print(f'tidy: {len(tree.files)} files, {len(archives)} archives, {len(findings)} findings, '
          f'{len(warnings)} files over {LINES_WARN} lines')
    return 1 if findings else 0


HEADER = '/* %s.h - a sample. */\n#ifndef %s_H\n#define %s_H\n#endif\n'
SAMPLES = [  # (check, files, how many findings): the sample must be found out
    (check_layers, {'base/a.c': '#include "message/b.h"\n'}, 1),
    (check_layers, {'smtp/a.c': '#include "dns/b.h"\n'}, 1),
    (check_layers, {'queue/a.c': '#include "io/io.h"\n'}, 1),
    (check_layers, {'message/a.c': '#include "io/io.h"\n'}, 1),
    (check_layers, {'engine/a.c': '#include "tools/b.h"\n'}, 1),
    (check_layers, {'base/a.c': '#include "b.h"\n'}, 1),
    (check_layers, {'base/a.c': '#include "util/b.h"\n'}, 1),
    (check_layers, {'engine/a.c': '#include "io/io.h"\n#include "smtp/b.h"\n', 'smtp/a_test.c':
                    '#include "tests/b.h"\n', 'sim/a.c': '#include "engine/b.h"\n#include "tests/b.h"\n'}, 0),
    (check_stems, {'base/same.h': '', 'dns/same.h': ''}, 1),
    (check_stems, {'base/time.h': '', 'base/str_x.h': '', 'base/sitetime.h': ''}, 2),
    (check_sizes, {'base/a.c': 'x\n' * 501, 'base/a_test.c': 'x\n' * 900, 'base/b.c': 'x\n' * 500}, 1),
    (check_functions, {'base/a.c': 'int f(void)\n{\n' + '    x();\n' * 71 + '}\n'}, 1),
    (check_functions, {'base/a.c': 'int f(void)\n{\n' + '    x();\n' * 70 + '}\n'}, 0),
    (check_bans, {'smtp/a.c': 'x = time(NULL);\n'}, 1),
    (check_bans, {'engine/a.c': 'clock_gettime(CLOCK_REALTIME, &t);\n'}, 1),
    (check_bans, {'sim/a.c': 'getrandom(b, 1, 0); y = rand();\n'}, 2),
    (check_bans, {'io/a.c': 'usleep(1);\n'}, 1),
    (check_bans, {'queue/a.c': 'p = malloc(1);\nfree(p);\n'}, 2),
    (check_bans, {'dns/a.c': 'snprintf(a, b, c); printf(d); vsnprintf(e);\n'}, 3),
    (check_bans, {'tools/a.c': 'strcpy(a, b); sprintf(a, b); atoi(a);\n'}, 3),
    (check_bans, {'queue/a.c': 'open(a, b); pwrite(a);\n'}, 2),
    (check_bans, {'tools/a.c': 'localtime(&t); localtime_r(&t, &tm); getpwnam(a);\n'}, 2),
    (check_bans, {'queue/a.c': '/* time( */ char *s = "free("; slab->free(x); queue_open(y); a.time(z);\n',
                  'queue/a_test.c': 'malloc(1);\n', 'io/a.c': 'clock_gettime(a, b);\n'}, 0),
    (check_goto, {'base/a.c': 'int f(void)\n{\nagain:\n    x();\n    goto again;\n}\n'}, 1),
    (check_goto, {'base/a.c': 'int f(void)\n{\n    goto fail;\nfail:\n    x();\n}\n'}, 0),
    (check_preprocessor, {'dns/a.c': '#ifdef __linux__\n#endif\n#if 0\n#endif\n'}, 2),
    (check_preprocessor, {'dns/a.h': HEADER % ('a', 'DNS_A', 'DNS_A'), 'base/a.c': '#if X\n#endif\n'}, 0),
    (check_headers, {'base/a.h': HEADER % ('b', 'BASE_A', 'BASE_A')}, 1),
    (check_headers, {'base/a.h': HEADER % ('a', 'BASE_B', 'BASE_B')}, 1),
    (check_headers, {'base/a.h': HEADER % ('a', 'BASE_A', 'BASE_A'), 'base/a.c':
                     '#include <errno.h>\n#include "base/a.h"\n'}, 1),
    (check_headers, {'base/a.h': HEADER % ('a', 'BASE_A', 'BASE_A'), 'base/a.c': '#include "base/a.h"\n'}, 0),
    (check_tests, {'base/a.c': ''}, 1),
    (check_tests, {'base/a_b.c': '', 'base/a_test.c': ''}, 0),
    (check_tests, {'smtp/ehlo.c': '', 'smtp/ehlo_test.c': ''}, 1),
    (check_tests, {'smtp/ehlo.c': '', 'smtp/ehlo_test.c': '', 'smtp/ehlo_fuzz.c': ''}, 1),
    (check_tests, {'smtp/ehlo.c': '', 'smtp/ehlo_test.c': '', 'smtp/ehlo_fuzz.c': '',
                   'tests/fuzz/corpus/ehlo/1': ''}, 0),
    (check_residue, {'base/a.c': 'x \n'}, 1),
    (check_residue, {'base/a.c': 'x\r\n'}, 1),
    (check_residue, {'base/a.c': 'x'}, 1),
    (check_residue, {'base/a.c': '\tx\n'}, 1),
    (check_residue, {'base/a.c': '/* FIXME */ /* XXX */ dbg(1); /* TODO later */ /* TODO(#7) */\n'}, 4),
    (check_residue, {'base/a.c.orig': ''}, 1),
]
SAMPLE_EXPORTS = ('lib.a:a.c.o:0000000000000000 T span_find\nlib.a:a.c.o:0000000000000000 T helper\n'
                  'lib.a:a.c.o:0000000000000000 D spanner\nlib.a:a.c.o:0000000000000000 R __odr_x\n')
SAMPLE_IMPORTS = ('lib.a:a.c.o:                 U memcpy\nlib.a:a.c.o:                 U clock_gettime\n'
                  'lib.a:a.c.o:                 U queue_open\nlib.a:a.c.o:                 U socket\n')


def self_test():
    failed = 0
    tree = Tree({'base/span.h': ''})
    cases = [(check.__name__, list(check(Tree(files))), wanted) for check, files, wanted in SAMPLES]
    cases.append(('check_exports', list(check_exports(tree, 'base', SAMPLE_EXPORTS)), 2))
    cases.append(('check_imports', list(check_imports('queue', SAMPLE_IMPORTS)), 2))
    cases.append(('check_imports', list(check_imports('io', SAMPLE_IMPORTS)), 0))
    for number, (name, findings, wanted) in enumerate(cases):
        if len(findings) != wanted:
            failed += 1
            print(f'sample {number} ({name}): wanted {wanted} findings, got {findings}')
    untried = {check.__name__ for check in CHECKS} - {name for name, _, wanted in cases if wanted > 0}
    for name in untried:
        print(f'{name} has no sample that fails')
    print(f'tidy: {len(cases)} samples, {failed + len(untried)} wrong')
    return 1 if failed or untried else 0


if __name__ == '__main__':
    if '--self-test' in sys.argv[1:]:
        sys.exit(self_test())
    sys.exit(run([a for a in sys.argv[1:] if a.endswith('.a')], '--warnings' in sys.argv[1:]))
