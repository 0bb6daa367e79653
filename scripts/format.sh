#!/bin/bash
# format.sh [--fix] [FILE...]: checks (or mends) the layout of C files, all of them by default.
# Only clang-format 14 counts: other versions lay some things out differently. Exit 77: not here.
set -u
cd "$(dirname "$0")/.." || exit 1
formatter=$(command -v clang-format-14 || command -v clang-format)
if [ -z "$formatter" ] || ! "$formatter" --version | grep -q 'version 14\.'; then
    echo "format: clang-format 14 is not installed"
    exit 77
fi
mode=(--dry-run -Werror)
if [ "${1:-}" = --fix ]; then
    mode=(-i)
    shift
fi
if [ $# -gt 0 ]; then
    files=("$@")
else
    mapfile -t files < <(find base message io queue schedule dns tls smtp sign bounce http engine tools \
        sim bench tests \( -name '*.c' -o -name '*.h' \) -print 2>/dev/null | sort)
fi
if ! complaints=$("$formatter" "${mode[@]}" "${files[@]}" 2>&1); then
    sed -n 's/: error: .*//p' <<<"$complaints" | cut -d: -f1 | sort | uniq -c
    echo "format: mend with scripts/format.sh --fix"
    exit 1
fi
echo "format: ${#files[@]} files"
