"""Added header fields: who writes to the address in its own List-Unsubscribe is suppressed, and nobody else; what the
author wrote is not added again; a retry sends the same octets; SIZE= is exact. A complaint that quotes nothing but
CFBL-Feedback-ID suppresses its recipient."""
import email
import email.policy
import re
import smtplib
import urllib.parse

import e2e
import reports
import world
from e2e_bounces import Service
from e2e_receivers import Aiosmtpd

COUNT = 12
URL = "https://u.ringel.example/leave?t="
ADDED = ("unsubscribe: {mailto: leave@ringel.example, url: \"%s\"}\n"
         "headers: {feedback_id: \"{{campaign}}:{{tenant}}:{{stream}}:ringel\", cfbl_address: fbl@ringel.example,\n"
         "          cfbl_feedback_id: true}\n" % URL)
OWN = ("List-Unsubscribe: <mailto:own@author.example>\nFeedback-ID: a:b:c:author\n"
       "CFBL-Address: own@author.example; report=xarf\n")
NAMES = ("List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "CFBL-Address", "CFBL-Feedback-ID")


class Receiver(Aiosmtpd):
    """Also keeps SIZE=, and defers every third recipient at the first time, after it has the message."""

    def __init__(self):
        self.sizes = []
        self.deferred = {}
        super().__init__()

    async def handle_DATA(self, server, session, envelope):
        self.sizes += [int(option[5:]) for option in envelope.mail_options if option.startswith("SIZE=")]
        address = envelope.rcpt_tos[0]
        if address.startswith("later") and address not in self.deferred:
            self.deferred[address] = envelope.original_content
            return "451 4.3.0 later"
        return await super().handle_DATA(server, session, envelope)


class Scene:
    def __init__(self, case, name, extra=ADDED):
        self.case = case
        self.receiver = case.closing(Receiver())
        self.port = world.free_port()
        self.spool = e2e.Spool(case, name, routes={"*": [f"127.0.0.1:{self.receiver.port}"]}, verp=True,
                               retry="schedule: [1s]",
                               extra='bounces: {listen: ["127.0.0.1:%d"], complaints_to: fbl@ringel.example}\n' % self.port
                               + extra)
        self.everybody = [f"{'later' if i % 3 == 0 else 'r'}{i}@d0.test" for i in range(COUNT)]

    def send(self, template, campaign="spring sale"):
        path = self.case.write("t.eml", template)
        rows = e2e.write_rows(self.case.path("rows.csv"), enumerate(self.everybody), ("n", "email"))
        run = self.spool.send_list(path, rows, campaign, "--until", "done").expect(0)
        e2e.check_counts(run.json, run, accepted=COUNT)
        messages = {to[0]: content for _, to, content in self.receiver.messages}
        e2e.check_equal(sorted(messages), sorted(self.everybody), "who got it")
        return messages


def fields(content):
    message = email.message_from_bytes(content, policy=email.policy.default)
    return {name: message.get_all(name, []) for name in NAMES}


def one(content, name):
    values = fields(content)[name]
    e2e.check_equal(len(values), 1, f"fields {name}", content)
    return str(values[0])


def tag_of(content):
    seen = re.fullmatch(r"<(https://.*)>, <mailto:leave\+([a-z2-7]{40})@ringel\.example\?subject=unsubscribe>",
                        one(content, "List-Unsubscribe"))
    e2e.check(seen, "List-Unsubscribe", content)
    e2e.check_equal(seen[1], URL + seen[2], "the https address")
    return seen[2]


def added(case):
    scene = Scene(case, "added")
    messages = scene.send(e2e.SHORT_TEMPLATE)
    receiver = scene.receiver
    tags = {address: tag_of(content) for address, content in messages.items()}
    e2e.check_equal(len(set(tags.values())), COUNT, "different tags")
    for content in messages.values():
        e2e.check_equal(one(content, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click", "one click")
        e2e.check_equal(one(content, "Feedback-ID").split(":")[0], "spring_sale", "the campaign")
        e2e.check_equal(one(content, "Feedback-ID").split(":")[3], "ringel", "the sender")
        e2e.check_equal(one(content, "CFBL-Address"), "fbl@ringel.example; report=arf", "complaints")
        e2e.check_equal(one(content, "CFBL-Feedback-ID"), tag_of(content), "the id of a complaint")
    e2e.check_equal(len(receiver.deferred), COUNT // 3, "deferred once")
    for address, content in receiver.deferred.items():
        e2e.check_equal(content, messages[address], "the second attempt's octets")
    wanted = sorted(map(len, [*messages.values(), *receiver.deferred.values()]))
    e2e.check_equal(sorted(receiver.sizes), wanted, "SIZE=")
    return scene, messages


def own_fields(case):
    """The author's own stay alone; mail that is not bulk has nothing to leave; signed mail is left as it is."""
    scene = Scene(case, "own")
    for content in scene.send(OWN + e2e.SHORT_TEMPLATE, "own").values():
        seen = {name: [str(v) for v in values] for name, values in fields(content).items()}
        e2e.check_equal(seen, {"List-Unsubscribe": ["<mailto:own@author.example>"], "List-Unsubscribe-Post": [],
                               "Feedback-ID": ["a:b:c:author"],
                               "CFBL-Address": ["own@author.example; report=xarf"], "CFBL-Feedback-ID": []},
                        "the author's fields")
    for name, head, wanted in (("single", "", [0, 0, 1, 1, 1]), ("signed", "DKIM-Signature: v=1; b=x\n", [0] * 5)):
        scene.receiver.messages.clear()
        path = case.write(name + ".eml", head + "From: news@ringel.example\nSubject: s\n\nbody\n")
        case.send("--config", scene.spool.config, "--from", e2e.SENDER, "--message", path, "--to", "x@d0.test",
                  "--lane", "transactional", "--yes", "--json").expect(0)
        content = scene.receiver.messages[0][2]
        e2e.check_equal([len(values) for values in fields(content).values()], wanted, name, content)


def round_trip(case):
    """What a mail program sends when somebody leaves comes to the listener."""
    scene, messages = added(case)
    leaving, complaining = scene.everybody[1:5], scene.everybody[7:9]
    service = Service(scene)
    with smtplib.SMTP("127.0.0.1", scene.port, "mx.d0.test", timeout=30) as client:
        for address in leaving:
            mailto = re.search(r"<mailto:(.*?)>", one(messages[address], "List-Unsubscribe"))[1]
            to, _, query = mailto.partition("?")
            to = urllib.parse.unquote(to)
            subject = urllib.parse.parse_qs(query)["subject"][0]
            client.sendmail(address, [to], reports.person(to, subject))
        for address in complaining:
            report = reports.feedback_id("fbl@ringel.example", one(messages[address], "CFBL-Feedback-ID"))
            client.sendmail("", ["fbl@ringel.example"], report)
        unproven = reports.feedback_id("fbl@ringel.example", tag_of(messages[scene.everybody[9]])[:-1] + "?")
        client.sendmail("", ["fbl@ringel.example"], unproven)
        tag = tag_of(messages[scene.everybody[6]])
        forged = "leave+" + tag[:-1] + ("b" if tag[-1] in "aA" else "a") + "@ringel.example"
        client.ehlo()
        client.mail("x@d0.test")
        e2e.check_equal(client.rcpt(forged)[0], 550, "a forged tag is refused")
    service.stop()
    run = case.tool("suppress", "list", "--config", scene.spool.config, "--json").expect(0)
    e2e.check_equal({line["address"]: line["class"] for line in run.json_lines},
                    {**{address: "unsubscribe" for address in leaving},
                     **{address: "complaint" for address in complaining}}, "suppressed", run)
    gone = len(leaving) + len(complaining)
    scene.receiver.messages.clear()
    path = case.write("t.eml", e2e.SHORT_TEMPLATE)
    rows = e2e.write_rows(case.path("rows.csv"), enumerate(scene.everybody), ("n", "email"))
    run = scene.spool.send_list(path, rows, "next", "--until", "done").expect(0)
    e2e.check_counts(run.json, run, suppressed=gone, accepted=COUNT - gone)
    case.note(f"{len(leaving)} of {COUNT} left by their List-Unsubscribe, {len(complaining)} complained, exactly those")


def main():
    with e2e.Case("unsubscribe") as case:
        for step in (round_trip, own_fields):
            case.step(step)


if __name__ == "__main__":
    main()
