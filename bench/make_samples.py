#!/usr/bin/python3
"""Writes messages as a table in C: the samples of `ringpost-bench micro bounce` (bounce_samples.h).

  make_samples.py OUTPUT MESSAGE...
"""
import sys


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write('#include "bench/bounce_samples.h"\n\n')
        for i, path in enumerate(sys.argv[2:]):
            with open(path, "rb") as f:
                data = f.read()
            out.write(f"static const uint8_t sample_{i}[] = {{\n")
            for at in range(0, len(data), 20):
                out.write("    " + " ".join(f"{byte}," for byte in data[at:at + 20]) + "\n")
            out.write("};\n")
        out.write("\nstatic const struct span samples[] = {\n")
        for i in range(len(sys.argv) - 2):
            out.write(f"    {{sample_{i}, sizeof(sample_{i})}},\n")
        out.write("};\n\nconst struct span *bounce_samples(size_t *ret_count)\n{\n"
                  "    *ret_count = sizeof(samples) / sizeof(samples[0]);\n    return samples;\n}\n")


if __name__ == "__main__":
    main()
