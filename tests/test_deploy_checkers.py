"""Each platform's own checker agrees with its files in `deploy/`, and finds a mistake in them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from kubernetes_validate import ValidationError, validate

from docs import grants
from tests.scenarios.needs import needs
from tests.test_deploy import FILES, HAPROXY, NGINX, VALKEY, manifests


@pytest.mark.parametrize("file", [grants.KUBERNETES, VALKEY])
def test_kubernetes_knows_every_field_of_the_manifests(file: str):
    for manifest in manifests(FILES[file]).values():
        validate(manifest, "1.30", strict=True)  # the first with `preStop.sleep` on by default


def test_a_field_that_kubernetes_does_not_know_is_found():
    changed = FILES[grants.KUBERNETES].replace("maxUnavailable: 0", "maxUnavailabel: 0")
    with pytest.raises(ValidationError, match="maxUnavailabel"):
        validate(manifests(changed)["Deployment", "ebb"], "1.30", strict=True)


def checked(command: str, folder: Path, *parts: tuple[str, str]) -> tuple[int, str]:
    """Write files into a folder, and run a checker there; return its status and what it said."""
    for name, text in parts:
        (folder / name).write_text(text)
    words = shlex.split(command.format(folder=folder))
    path = {"PATH": "/usr/sbin:/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(words, env=path, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def here(file: str) -> str:
    """A file for this machine: its hosts are local, and so are its programs."""
    text = re.sub(r"ebb-\d:8000", "127.0.0.1:8000", FILES[file]).replace("listen 80;", "listen 127.0.0.1:8080;")
    text = text.replace("/opt/ebb/bin/", f"{Path(sys.executable).parent}/")
    return text.replace("worker_processes auto;", "worker_processes auto;\npid nginx.pid;\nerror_log stderr;")


PROXIES = [
    pytest.param(NGINX, "nginx -t -e stderr -p {folder} -c {folder}/it", marks=needs("nginx", "nginx-light")),
    pytest.param(HAPROXY, "haproxy -c -f {folder}/it", marks=needs("haproxy", "haproxy")),
]


@pytest.mark.parametrize(("file", "command"), PROXIES)
def test_a_proxy_accepts_its_configuration(file: str, command: str, tmp_path: Path):
    status, said = checked(command, tmp_path, ("it", here(file)))
    assert status == 0, said


@pytest.mark.parametrize(("file", "command"), PROXIES)
def test_a_proxy_refuses_a_configuration_with_a_wrong_word(file: str, command: str, tmp_path: Path):
    wrong = here(file).replace("worker_shutdown_timeout", "worker_stop").replace("hard-stop-after", "stop-after")
    status, said = checked(command, tmp_path, ("it", wrong))
    assert status == 1, said


SYSTEMD = needs("systemd-analyze", "systemd")
VERIFY = "systemd-analyze verify --man=no {folder}/ebb.service {folder}/ebb-activated.service"
NAMES = ("ebb.service", "ebb-activated.service", "ebb-activated.socket")


@SYSTEMD
def test_systemd_accepts_the_units(tmp_path: Path):
    parts = [(name, here(f"deploy/systemd/{name}")) for name in NAMES]
    assert checked(VERIFY, tmp_path, *parts) == (0, "")


@SYSTEMD
@pytest.mark.parametrize(("old", "new"), [("KillMode=", "KillMod="), ("/ebb serve", "/no-such-program serve")])
def test_systemd_refuses_a_unit_with_a_mistake_in_it(old: str, new: str, tmp_path: Path):
    parts = [(name, here(f"deploy/systemd/{name}").replace(old, new)) for name in NAMES]
    status, said = checked(VERIFY, tmp_path, *parts)
    assert status or said
