"""What may be configured: the documented keys are those of the program, and a misspelt one is refused."""

import pathlib
import re

import pytest
import server as servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def plain(number):
    return number.replace("'", "")


def test_the_reference_lists_the_keys_of_the_program():
    source = (ROOT / "src/app/config.cpp").read_text()
    keys = re.findall(r'\{"(\w+)", &Config::\w+, "([^"]*)"(?:, ([\d\']+), ([\d\']+))?\}', source)
    table = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\| ?(\d+ – \d+)? ?\| (.*) \|$",
                       (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    assert len(keys) > 10
    assert [(name, f"{plain(low)} – {plain(high)}" if low else "", what) for name, what, low, high in keys] == [
        (name, bounds, what) for name, _, bounds, what in table]
    members = re.findall(r"^  (?:std::string|bool|std::int64_t|std::vector<std::string>) (\w+)(?: = ([^;]+))?;",
                         (ROOT / "src/app/config.hpp").read_text(), re.MULTILINE)
    defaults = {name: plain(value).strip('"') for name, value in members}
    assert {name: default for name, default, _, _ in table} == {name: defaults[name] for name, *_ in keys}


@pytest.mark.parametrize("name", ["ADMIT_TRUSTED_PROXY_HOP", "ADMIT_public_url", "ADMIT_"])
def test_a_variable_that_is_no_key_keeps_it_from_starting(tmp_path, name):
    ended = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", **{name: "1"})
    assert ended.returncode != 0
    assert f"'{name}'" in ended.stdout + ended.stderr


@pytest.mark.parametrize("name", ["ADMIT_DEPS", "ADMIT_PORT_8080_TCP_ADDR", "ADMIT_SERVICE_HOST", "ADMIT_MAX_QUEUE"])
def test_a_key_and_what_is_not_meant_for_the_program_start(serve, name):
    assert serve(**{name: "100"}).stop() == 0


def test_the_reference_lists_the_keys_of_a_provider_of_identities():
    source = (ROOT / "src/app/identity_config.cpp").read_text()
    keys = re.findall(r'^      \{"(\w+)", "([^"]*)"\},$', source, re.MULTILINE)
    section = (ROOT / "docs/configuration.md").read_text().split("## Providers of identities")[1].split("\n## ")[0]
    assert len(keys) > 10
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE) == keys


@pytest.mark.parametrize("text, names", [
    ('issuer = "http://op.example"\naudience = ["a"]', "identity.op.issuer"),
    ('issuer = "https://op.example"', "identity.op.audience"),
    ('issuer = "https://op.example"\naudience = "a"', "identity.op.audience"),
    ('issuer = "https://op.example"\naudience = ["a"]\npolicy = "azure"', "identity.op.policy"),
    ('issuer = "https://op.example"\naudience = ["a"]\nsecret = "x"', "identity.op.secret"),
    ('issuer = "https://op.example"\naudience = ["a"]\nhs256_secret = "short"', "identity.op.hs256_secret"),
    ('issuer = "https://op.example"\naudience = ["a"]\nservice_key = "x"', "identity.op.service_key"),
    ('issuer = "https://op.example"\nclient_id = "a"\nclient_secret_env = "NOT_SET_ANYWHERE"', "identity.op.client_secret_env"),
    ('issuer = "https://op.example"\nclient_id = "a"\nclient_secret_file = "/nowhere"', "identity.op.client_secret_file"),
    ('issuer = "https://op.example"\naudience = ["a"]\noperator_groups = ["a"]', "identity.op.operator_groups"),
    ('policy = "supabase"\nissuer = "https://op.example"', "identity.op.issuer"),
    ('policy = "supabase"\nissuer = "https://op.example/auth/v1"\nlink_by_email = true', "identity.op.link_by_email")])
def test_a_provider_of_identities_that_cannot_be_right_keeps_it_from_starting(tmp_path, text, names):
    config = tmp_path / "admit.toml"
    config.write_text(f"[identity.op]\n{text}\n")
    ended = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--config", config)
    assert ended.returncode != 0
    assert names + ":" in ended.stdout + ended.stderr
