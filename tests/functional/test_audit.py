"""The audit: who changed what, when and from where; and that nobody can change it afterwards unseen."""

import datetime
import json
import re
import secrets
import shutil
import sqlite3
import time

import pytest

import server as servers
from api import Caller, expect

SEALED = re.compile(r'"msg":"sealed the audit".*')


DOMAIN = servers.ROOT / "src" / "domain"
# Commands that tell nobody anything new, and why.
UNAUDITED = {
    "AskIntentAnew": "orders a job of an audited payment again", "AskRefundAnew": "the same of a refund",
    "LeaseJob": "a worker's turn", "FinishJob": "what came of it; the commands of the job are audited",
    "RecordCancellation": "how far an audited cancellation has come",
    "RecordIntent": "the provider's number of an audited payment",
    "EraseNames": "a part of ErasePerson",
    "AskPasskey": "a question to an authenticator", "TakeLink": "the way back of an audited link",
    "TakeSignInTry": "counts tries", "TakeUserTry": "counts tries", "ForgiveUserTries": "counts tries",
    "RequestReset": "orders a mail, whether there is an account or not", "ResendVerification": "orders a mail",
    "SealAudit": "the audit's own", "PassLane": "changes nothing",
}


def decisions():
    """(commands, other functions): name -> body, of all functions of the domain that can change the world."""
    commands, others = {}, {}
    form = re.compile(r"^(?!namespace|struct|class|enum)([A-Za-z_][^\n;={}#]*?)\b(\w+)\(((?:[^(){};]|\([^()]*\))*)\)"
                      r"[^;{}()]*\{((?:[^\n]*)\}$|.*?^\})", re.M | re.S)
    for path in sorted(DOMAIN.glob("*.cpp")):
        if path.name.endswith("_test.cpp"):
            continue
        for found in form.finditer(path.read_text(encoding="utf-8")):
            name, parameters, body = found.group(2), found.group(3), found.group(4)
            if not re.search(r"(?<!const )World& ", parameters):
                continue
            command = re.match(r"const (\w+)&", parameters)
            if name == "decide" and command:
                commands[command.group(1)] = body
            else:
                others.setdefault(name, []).append(body)
    return commands, others


def test_every_command_writes_who_did_it():
    commands, others = decisions()
    declared = {name for path in DOMAIN.glob("*.hpp")
                for name in re.findall(r"\bdecide\(const ([A-Z]\w+)& ", path.read_text(encoding="utf-8"))}
    assert len(declared) > 60 and declared - {"PassLane"} <= set(commands), declared - set(commands)

    def calls(body):
        return set(re.findall(r"\b(\w+)\(", body))

    audited = {"audit"}
    while more := {name for name, bodies in others.items()
                   if name not in audited and any(calls(body) & audited for body in bodies)}:
        audited |= more
    silent = {name for name, body in commands.items() if not calls(body) & audited}
    assert silent <= set(UNAUDITED), f"no audit entry: {silent - set(UNAUDITED)}"
    assert set(UNAUDITED) - {"PassLane"} <= silent, f"audited by now: {set(UNAUDITED) - silent}"


def test_an_operator_reads_who_changed_what(world, open_show):
    customer = world.customer()
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    held = expect(customer.reserve(open_show[0], [(open_show[1], 1)]), 201)
    found, cursor = [], None
    while True:
        at = before.strftime("%Y-%m-%dT%H:%M:%SZ")
        page = expect(world.operator.get(f"/v1/audit?from={at}&limit=7" + (f"&cursor={cursor}" if cursor else "")), 200)
        assert len(page["entries"]) <= 7
        found += page["entries"]
        cursor = page.get("nextCursor")
        if not cursor:
            break
    assert [entry["auditId"] for entry in found] == sorted({entry["auditId"] for entry in found})
    mine = [entry for entry in found if entry["subjectId"] == held["registrationId"]]
    assert [entry["action"] for entry in mine] == ["registration.held"]
    assert mine[0]["actor"] == f"user:{customer.user_id}"
    assert mine[0]["address"] == "127.0.0.1" and mine[0]["showId"] == open_show[0]
    assert all(entry["actor"] for entry in found)
    customer.cancel(held["registrationId"])


def test_nobody_else_reads_it(world):
    expect(world.anybody.get("/v1/audit"), 401)
    expect(world.customer().get("/v1/audit"), 403, "forbidden")
    expect(world.organiser.get("/v1/audit"), 403, "forbidden")
    expect(world.demo_gate.get("/v1/audit"), 401)
    assert world.operator.get("/v1/audit?cursor=x").status_code in (400, 422)
    assert world.operator.get("/v1/audit?from=yesterday").status_code in (400, 422)


def test_a_business_reads_what_was_done_with_its_own(world, open_show):
    path = f"/v1/businesses/{world.organiser.business_id}/audit"
    customer = world.customer()
    held = expect(customer.reserve(open_show[0], [(open_show[1], 1)]), 201)
    foreign = world.customer()
    found, cursor = [], None
    while True:
        page = expect(world.organiser.get(f"{path}?limit=5" + (f"&cursor={cursor}" if cursor else "")), 200)
        assert len(page["entries"]) <= 5
        found += page["entries"]
        cursor = page.get("nextCursor")
        if not cursor:
            break
    ids = [entry["auditId"] for entry in found]
    assert ids == sorted(set(ids), reverse=True)
    # All of its shows that the whole audit has, and itself.
    everything, cursor = [], None
    while True:
        page = expect(world.operator.get("/v1/audit?limit=1000" + (f"&cursor={cursor}" if cursor else "")), 200)
        everything += page["entries"]
        cursor = page.get("nextCursor")
        if not cursor:
            break
    shows = {entry["showId"] for entry in found if entry["showId"]}
    assert open_show[0] in shows
    wanted = {entry["auditId"] for entry in everything if entry["showId"] in shows or entry["subjectId"] == world.organiser.business_id}
    assert wanted <= set(ids) | {entry["auditId"] for entry in everything if entry["auditId"] > ids[0]}
    # Where a buyer sat is not the organiser's business; where his own people sat is.
    mine = next(entry for entry in found if entry["subjectId"] == held["registrationId"])
    assert mine["actor"] == f"user:{customer.user_id}" and mine["address"] == ""
    created = next(entry for entry in found if entry["action"] == "show.created" and entry["showId"] == open_show[0])
    assert created["address"] == "127.0.0.1"
    expect(foreign.get(path), 403, "forbidden")
    expect(world.anybody.get(path), 401)
    assert world.organiser.get(path + "?cursor=x").status_code in (400, 422)
    customer.cancel(held["registrationId"])


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A data folder whose audit is sealed in several rounds, and the log of the anchors."""
    data = tmp_path_factory.mktemp("audit") / "data"
    done = servers.run("demo", "--data", data, "--listen", "127.0.0.1:0", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = []
    for _ in range(2):
        running = servers.Server("serve", data, arguments=["--sandbox"], ADMIT_AUDIT_SEAL_AFTER_S="1")
        for _ in range(3):
            body = {"email": f"{secrets.token_hex(6)}@example.com", "password": "a sentence nobody guesses", "name": "Ada"}
            expect(Caller(running.base_url).post("/v1/users", body), 201)
        running.wait_for(SEALED)
        time.sleep(2.5)
        assert running.stop() == 0
        lines += [entry for entry in running.log() if entry.get("msg") == "sealed the audit"]
    return data, lines


def count(data, sql):
    with sqlite3.connect(f"file:{data / 'admit.db'}?mode=ro", uri=True) as database:
        return database.execute(sql).fetchone()[0]


def test_entries_are_sealed_once_they_are_old_enough(sealed):
    data, lines = sealed
    taken = count(data, "select sum(entries) from audit_seal where chain = 16")
    assert taken >= 6
    assert taken == count(data, "select sum(entries) from audit_seal where chain < 16")
    assert count(data, "select count(distinct number) from audit_seal where chain = 16") >= 2
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 0, checked.stdout
    assert re.search(rf"ok +audit chain: .* {taken} examined", checked.stdout), checked.stdout
    # What the log tells of an anchor is what stands there.
    for line in lines:
        digest = count(data, f"select lower(hex(digest)) from audit_seal where chain = 16 and number = {line['anchor']}")
        assert digest == line["digest"]


OLD = "(select id from audit_entry order by id limit 1 offset 3)"
TAMPERED = {
    "an actor": f"update audit_entry set actor = 'user:nobody' where id = {OLD}",
    "an address": f"update audit_entry set address = '192.0.2.1' where id = {OLD}",
    "an action": f"update audit_entry set action = 'session.ended' where id = {OLD}",
    "a moment": f"update audit_entry set at = at + 1 where id = {OLD}",
    "an entry taken out": f"delete from audit_entry where id = {OLD}",
    "all old entries taken out": f"delete from audit_entry where id <= {OLD}",
    "an entry and its stretches": "delete from audit_seal where chain = (select min(chain) from audit_seal)",
    "an anchor": "delete from audit_seal where chain = 16 and number = 1",
    "the last anchor": "delete from audit_seal where chain = 16 and number = (select max(number) from audit_seal where chain = 16)",
    "the heads": "delete from audit_head",
    "the count of a stretch": "update audit_seal set entries = entries + 1 where chain = (select min(chain) from audit_seal)",
    "a digest": "update audit_seal set digest = zeroblob(32) where chain = (select min(chain) from audit_seal)",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_whoever_edits_the_database_is_found(sealed, tmp_path, what):
    data = tmp_path / "copy"
    shutil.copytree(sealed[0], data)
    with sqlite3.connect(data / "admit.db") as database:
        assert database.execute(TAMPERED[what]).rowcount >= 1
    database.close()
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 1, checked.stdout
    assert re.search(r"BROKEN +audit chain", checked.stdout), checked.stdout


def test_an_entry_that_is_put_in_is_found(sealed, tmp_path):
    data = tmp_path / "copy"
    shutil.copytree(sealed[0], data)
    with sqlite3.connect(data / "admit.db") as database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute(f"select * from audit_entry where id = {OLD}").fetchone())
        row["id"] = row["id"][:-1] + bytes([row["id"][-1] ^ 1])
        database.execute(f"insert into audit_entry ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values()))
    database.close()
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 1 and re.search(r"BROKEN +audit chain", checked.stdout), checked.stdout


def test_the_chain_goes_on_after_a_kill(serve, tmp_path):
    data = tmp_path / "data"
    for _ in range(3):
        running = serve("--sandbox", data=data, ADMIT_AUDIT_SEAL_AFTER_S="1")
        body = {"email": f"{secrets.token_hex(6)}@example.com", "password": "correct horse battery", "name": "Ada"}
        expect(Caller(running.base_url).post("/v1/users", body), 201)
        running.wait_for(SEALED)
        running.kill()
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 0, checked.stdout
    assert count(data, "select max(number) from audit_seal where chain = 16") >= 3
