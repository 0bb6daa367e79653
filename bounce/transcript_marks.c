#include "bounce/transcript_marks.h"

bool transcript_marks_is(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '<' || byte == '>' || byte == '"' ||
           byte == '\'' || byte == '*' || byte == '-' || byte == '[' || byte == '(' ||
           byte == '|' || byte == '=' || byte == '.' || byte == '#' || byte == '\\' ||
           byte == '`' || byte == '+' || byte == '\r';
}

struct span transcript_marks_trim_end(struct span text)
{
    while (text.size > 0) {
        uint8_t last = text.data[text.size - 1];

        if (!transcript_marks_is(last) && last != ':' && last != ';' && last != ',')
            break;
        text.size--;
    }
    return text;
}

bool transcript_marks_only(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (!transcript_marks_is(byte) && byte != ')' && byte != ']' && byte != ':' &&
            byte != ';' && byte != ',')
            return false;
    }
    return true;
}
