#include "bench/run_mail.h"

#include "base/check.h"

static const char head[] = "From: Ringel Bakery <news@ringel.example>\n"
                           "To: {{name}} <{{email}}>\n"
                           "Subject: News for {{name}}\n"
                           "List-Id: <news.ringel.example>\n"
                           "MIME-Version: 1.0\n"
                           "Content-Type: text/plain; charset=us-ascii\n"
                           "Content-Transfer-Encoding: 7bit\n"
                           "\n"
                           "Good morning {{name}},\n"
                           "\n"
                           "your account {{account}} has {{points}} points, and our new shop in\n"
                           "{{city}} opens its doors today.\n"
                           "\n";
static const char filler[] =
    "Fresh bread is baked at four in the morning and sold from half past five.\n";
static const char tail[] = "\nGood bye, {{name}}\n";
#define ADDED_SIZE 150 /* Date, Message-ID, CR in front of the head's LF, values for names */

void run_mail_template(struct text *out, size_t size)
{
    size_t fixed = sizeof(head) + sizeof(tail) + ADDED_SIZE;

    text_add_cstr(out, head);
    while (fixed + sizeof(filler) <= size) {
        text_add_cstr(out, filler); /* its NUL stands for the CR */
        fixed += sizeof(filler);
    }
    text_add_cstr(out, tail);
    CHECK(!out->overflow);
}

void run_mail_recipient(uint32_t number, uint32_t recipients_per_domain,
                        struct run_mail_recipient *ret)
{
    static const char *const names[] = {"Anna Bakker", "Mia Olsen", "Jo Li", "Peter Paul Kowalski"};
    static const char *const cities[] = {"Graz", "Paris", "Rotterdam", "Berlin", "Porto"};
    struct text text;
    size_t at;

    text_init(&text, ret->buffer, sizeof(ret->buffer));
    text_add_cstr(&text, "customer");
    text_add_u64(&text, number);
    text_add_byte(&text, '@');
    at = text.size;
    text_add_cstr(&text, "d");
    text_add_padded(&text, number / recipients_per_domain, 6);
    text_add_cstr(&text, ".example");
    ret->address = text_span(&text);
    ret->domain = span_skip(ret->address, at);
    at = text.size;
    text_add_byte(&text, 'K');
    text_add_padded(&text, number, 8);
    ret->values[2] = span_skip(text_span(&text), at);
    at = text.size;
    text_add_u64(&text, number % 9973);
    ret->values[3] = span_skip(text_span(&text), at);
    CHECK(!text.overflow);
    ret->values[0] = span_cstr(names[number % ARRAY_LEN(names)]);
    ret->values[1] = ret->address;
    ret->values[4] = span_cstr(cities[number % ARRAY_LEN(cities)]);
}
