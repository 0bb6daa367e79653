#include "sim/scene_mx.h"

struct scripted_server *scene_mx(const struct scene *scene, struct scripted_mx *mx,
                                 struct net_sim *net, struct span rest)
{
    struct ip_port at = {.ip = scene_address(scene, span_word(&rest)), .port = 25};
    struct scripted_server *server = scripted_mx_add(mx, net, &at);

    server->sessions_count = 1;
    return server;
}

static void take_replies(const struct scene *scene, struct scripted_step *step, struct span *rest)
{
    struct text text;

    text_init(&text, step->reply, sizeof(step->reply) - 1);
    for (;;) {
        struct span line;

        *rest = span_trim(*rest);
        if (rest->size == 0 || rest->data[0] != '"')
            break;
        line = scene_quoted(scene, rest);
        text_add(&text, line);
        text_add(&text, SPAN("\r\n"));
    }
    if (text.size == 0 || text.overflow)
        scene_unreadable(scene, "replies are missing or too long");
    (void)text_cstr_end(&text);
}

void scene_mx_step(const struct scene *scene, struct scripted_server *server, struct span rest)
{
    struct scripted_session *session;
    struct scripted_step *step;
    struct span word = span_word(&rest);

    if (server == NULL)
        scene_unreadable(scene, "an indented line belongs to a mx");
    if (span_equal(word, SPAN("session"))) {
        if (server->sessions[0].steps_count > 0)
            server->sessions_count++;
        if (server->sessions_count > SCRIPTED_SESSIONS_MAX)
            scene_unreadable(scene, "too many sessions");
        return;
    }
    if (span_equal(word, SPAN("slow"))) {
        server->octets_per_second = (uint32_t)scene_number(scene, span_word(&rest));
        return;
    }
    session = &server->sessions[server->sessions_count - 1];
    if (session->steps_count == SCRIPTED_STEPS_MAX)
        scene_unreadable(scene, "too many steps");
    step = &session->steps[session->steps_count++];
    if (span_equal(word, SPAN("expect"))) {
        struct span quoted = scene_quoted(scene, &rest);

        (void)scene_copy(scene, step->expect, sizeof(step->expect),
                         quoted.size > 0 ? quoted : span_word(&rest));
        word = span_word(&rest);
    }
    if (span_equal(word, SPAN("after"))) {
        step->delay_ns = scene_duration(scene, span_word(&rest));
        word = span_word(&rest);
    }
    if (span_equal(word, SPAN("reply"))) {
        step->action = SCRIPTED_REPLY;
        take_replies(scene, step, &rest);
    } else if (span_equal(word, SPAN("close"))) {
        step->action = SCRIPTED_CLOSE;
    } else if (span_equal(word, SPAN("reset"))) {
        step->action = SCRIPTED_RESET;
    } else if (span_equal(word, SPAN("nothing"))) {
        step->action = SCRIPTED_NOTHING;
    } else {
        scene_unreadable(scene, "reply, close, reset or nothing is expected");
    }
}
