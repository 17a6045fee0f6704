"""What `deploy/` grants fits the settings, and each platform's own checker agrees with its files.

`complaints` reads the files as their platforms do, and is tried on each contradiction that it is there for.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import grants
from docs.grants import number
from server import launcher
from server.settings import Settings

ROOT = Path(__file__).parent.parent
FILES = grants.files()
UNITS = ("deploy/systemd/ebb.service", "deploy/systemd/ebb-activated.service")
COMPOSE, NGINX, HAPROXY = "deploy/compose.yaml", "deploy/nginx/nginx.conf", "deploy/haproxy/haproxy.cfg"
VALKEY, KUSTOMIZATION = "deploy/kubernetes/valkey.yaml", "deploy/kustomization.yaml"
DEFAULTS = launcher.parse([], "ebb serve")


def unit(text: str) -> dict[str, str]:
    """The `[Service]` of a unit. An option that is there twice raises."""
    parser = configparser.RawConfigParser(comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return dict(parser["Service"])


def manifests(*texts: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The manifests, by kind and name."""
    every = [each for text in texts for each in yaml.safe_load_all(text)]
    return {(each["kind"], each["metadata"]["name"]): each for each in every}


def instruction(dockerfile: str, name: str) -> str:
    """What follows the last instruction of this name."""
    return re.findall(rf"^{name} (.*)$", dockerfile.replace("\\\n", ""), re.MULTILINE)[-1]


def too_short(files: dict[str, str]) -> Iterator[str]:
    """Whatever ends a stop before the server does."""
    env: Settings = grants.settings(files[grants.ENV])
    descriptors = number(files[grants.DOCKERFILE], grants.DESCRIPTORS)
    if env.stop_budget_s < env.drain_terms.longest_s(descriptors):
        yield f"the server does not start with {descriptors} descriptors and a budget of {env.stop_budget_s:g} s"
    ebb = manifests(files[grants.KUBERNETES])["Deployment", "ebb"]["spec"]["template"]["spec"]
    pre_stop_s = ebb["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    services = yaml.safe_load(files[COMPOSE])["services"]
    granted_s = {
        "terminationGracePeriodSeconds": ebb["terminationGracePeriodSeconds"] - pre_stop_s,
        **{
            f"stop_grace_period of {name}": int(each["stop_grace_period"].removesuffix("s"))
            for name, each in services.items()
            if each.get("image") == "ebb"
        },
        **{f"TimeoutStopSec in {name}": int(unit(files[name])["TimeoutStopSec"]) for name in UNITS},
        "worker_shutdown_timeout": number(files[NGINX], r"\nworker_shutdown_timeout (\d+)s;"),
        "hard-stop-after": number(files[HAPROXY], r"\n +hard-stop-after (\d+)s\n"),
    }
    for name, seconds in granted_s.items():
        if seconds < env.stop_budget_s:
            yield f"{name}: {seconds} s of {env.stop_budget_s:g} s"
    for name in UNITS:
        if int(unit(files[name])["LimitNOFILE"]) != descriptors:
            yield f"LimitNOFILE in {name} is not {descriptors}"
        if unit(files[name])["KillMode"] != "mixed":
            yield f"KillMode in {name} is not mixed"


def too_quick(files: dict[str, str]) -> Iterator[str]:
    """A proxy that gives up a client before the server does."""
    server_s = DEFAULTS.ws_ping_interval + DEFAULTS.ws_ping_timeout
    for file, name in ((NGINX, "proxy_read_timeout"), (NGINX, "proxy_send_timeout"), (HAPROXY, "timeout tunnel")):
        if number(files[file], rf"\n +{name} (\d+)s;?\n") <= server_s:
            yield f"{name} is not above {server_s:g} s, in which the server gives up a client"


def wrong_roll(files: dict[str, str]) -> Iterator[str]:
    """A rolling deploy, or a look at a pod, that takes a server away which is needed."""
    kubernetes = manifests(files[grants.KUBERNETES])
    spec = kubernetes["Deployment", "ebb"]["spec"]
    if spec["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
        yield "maxUnavailable is not 0"
    if kubernetes["PodDisruptionBudget", "ebb"]["spec"]["maxUnavailable"] >= spec["replicas"]:
        yield "the PodDisruptionBudget lets all pods go at once"
    container = spec["template"]["spec"]["containers"][0]
    asked = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    if asked != {"startup": "/health", "readiness": "/ready", "liveness": "/health"}:
        yield f"the probes ask {asked}"
    if "/health" not in instruction(files[grants.DOCKERFILE], "HEALTHCHECK"):
        yield "HEALTHCHECK does not ask /health"
    if "option httpchk GET /ready\n" not in files[HAPROXY]:
        yield "HAProxy does not ask /ready"
    for kind, name in (("PodDisruptionBudget", "ebb"), ("Service", "ebb")):
        selector = kubernetes[kind, name]["spec"]["selector"]
        if selector.get("matchLabels", selector) != spec["template"]["metadata"]["labels"]:
            yield f"the {kind} selects other pods"


def different(files: dict[str, str]) -> Iterator[str]:
    """A port, a user or a host that is called otherwise elsewhere."""
    dockerfile = files[grants.DOCKERFILE]
    command = json.loads(instruction(dockerfile, "CMD"))
    kubernetes = manifests(files[grants.KUBERNETES], files[VALKEY])
    pod = kubernetes["Deployment", "ebb"]["spec"]["template"]["spec"]
    services = yaml.safe_load(files[COMPOSE])["services"]
    hosts = {f"{name}:8000" for name, each in services.items() if each.get("image") == "ebb"}
    said = {
        "ports": {command[command.index("--port") + 1], instruction(dockerfile, "EXPOSE")}
        | {str(pod["containers"][0]["ports"][0]["containerPort"])}
        | set(re.findall(r"127\.0\.0\.1:(\d+)", instruction(dockerfile, "HEALTHCHECK"))),
        "users": {instruction(dockerfile, "USER")}
        | {f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"},
        "hosts": {
            frozenset(hosts),
            frozenset(re.findall(r"^ +server (\S+:\d+) ", files[NGINX], re.MULTILINE)),
            frozenset(re.findall(r"^ +server \S+ (\S+:\d+)$", files[HAPROXY], re.MULTILINE)),
        },
    }
    yield from (f"the {name} differ: {sorted(map(str, each))}" for name, each in said.items() if len(each) > 1)
    if instruction(dockerfile, "USER").startswith(("0", "root")):
        yield "the container runs as root"
    brokers = {services["ebb-1"]["environment"]["SERVER_BROKER_URL"]: set(services)}
    (url,) = (each["value"] for each in pod["containers"][0]["env"] if each["name"] == "SERVER_BROKER_URL")
    brokers[url] = brokers.get(url, set()) & {name for kind, name in kubernetes if kind == "Service"}
    for url, names in brokers.items():
        if re.sub(r"^redis://(.*):6379$", r"\1", url) not in names:
            yield f"there is no broker at {url}"
    config = yaml.safe_load(files[KUSTOMIZATION])
    named = [*config["resources"], *config["configMapGenerator"][0]["envs"]]
    yield from (f"{KUSTOMIZATION} names {name}" for name in named if f"deploy/{name}" not in files)
    if pod["containers"][0]["envFrom"] != [{"configMapRef": {"name": config["configMapGenerator"][0]["name"]}}]:
        yield "the pods do not read the ConfigMap"


def complaints(files: dict[str, str]) -> list[str]:
    """All contradictions in these files."""
    return [*too_short(files), *too_quick(files), *wrong_roll(files), *different(files)]


def test_nothing_in_deploy_contradicts_the_settings():
    assert complaints(FILES) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (grants.ENV, "TIMEOUT_S=300", "TIMEOUT_S=310", "the server does not start with 20000 descriptors and"),
        (grants.DOCKERFILE, "20000:20000", "1048576:1048576", "the server does not start with 1048576 descriptors and"),
        (grants.KUBERNETES, "Seconds: 350", "Seconds: 340", "terminationGracePeriodSeconds: 330 s of 340 s"),
        (grants.KUBERNETES, "seconds: 10 }", "seconds: 20 }", "terminationGracePeriodSeconds: 330 s of 340 s"),
        (COMPOSE, "340s", "339s", "stop_grace_period of ebb-1: 339 s of 340 s"),
        (UNITS[0], "TimeoutStopSec=340", "TimeoutStopSec=90", f"TimeoutStopSec in {UNITS[0]}: 90 s of 340 s"),
        (UNITS[1], "LimitNOFILE=20000", "LimitNOFILE=65536", f"LimitNOFILE in {UNITS[1]} is not 20000"),
        (UNITS[0], "mixed", "control-group", f"KillMode in {UNITS[0]} is not mixed"),
        (NGINX, "shutdown_timeout 340s", "shutdown_timeout 60s", "worker_shutdown_timeout: 60 s of 340 s"),
        (HAPROXY, "hard-stop-after 340s", "hard-stop-after 60s", "hard-stop-after: 60 s of 340 s"),
        (NGINX, "read_timeout 90s", "read_timeout 20s", "proxy_read_timeout is not above 40 s"),
        (NGINX, "send_timeout 90s", "send_timeout 20s", "proxy_send_timeout is not above 40 s"),
        (HAPROXY, "timeout tunnel 90s", "timeout tunnel 40s", "timeout tunnel is not above 40 s"),
        (grants.KUBERNETES, "maxUnavailable: 0", "maxUnavailable: 1", "maxUnavailable is not 0"),
        (grants.KUBERNETES, "maxUnavailable: 1 ", "maxUnavailable: 3 ", "the PodDisruptionBudget lets all pods go"),
        (grants.KUBERNETES, "path: /health", "path: /ready", "the probes ask"),
        (grants.DOCKERFILE, "8000/health", "8000/ready", "HEALTHCHECK does not ask /health"),
        (HAPROXY, "GET /ready", "GET /health", "HAProxy does not ask /ready"),
        (grants.KUBERNETES, "selector: { app: ebb }", "selector: { app: e }", "the Service selects other pods"),
        (grants.KUBERNETES, "containerPort: 8000", "containerPort: 80", "the ports differ"),
        (grants.KUBERNETES, "runAsUser: 10001", "runAsUser: 1000", "the users differ"),
        (NGINX, "ebb-3:8000", "ebb-4:8000", "the hosts differ"),
        (grants.DOCKERFILE, "USER 10001:10001", "USER 0:0", "the container runs as root"),
        (COMPOSE, "redis://valkey", "redis://redis", "there is no broker at redis://redis:6379"),
        (KUSTOMIZATION, "ebb.env", "other.env", f"{KUSTOMIZATION} names other.env"),
        (grants.KUBERNETES, "configMapRef: { name: ebb }", "configMapRef: { name: e }", "the pods do not read"),
    ],
)
def test_a_contradiction_is_found(file: str, old: str, new: str, complaint: str):
    changed = FILES | {file: FILES[file].replace(old, new)}
    assert any(each.startswith(complaint) for each in complaints(changed)), complaints(changed)


def test_another_drain_timeout_is_granted_everywhere_by_the_program_that_writes_the_grants():
    env = FILES[grants.ENV].replace("DRAIN_TIMEOUT_S=300", "DRAIN_TIMEOUT_S=1800")
    changed = grants.drawn(FILES | {grants.ENV: env})

    assert "terminationGracePeriodSeconds: 1850" in changed[grants.KUBERNETES]
    assert complaints(changed) == []


def test_a_setting_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="drain_timeout_sec"):
        grants.settings(FILES[grants.ENV].replace("DRAIN_TIMEOUT_S", "DRAIN_TIMEOUT_SEC"))


def test_the_image_is_built_from_every_folder_that_the_package_is_made_of():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", FILES[grants.DOCKERFILE], re.MULTILINE)
    sources = {source for each in copied for source in each.split()}
    allowed = set(re.findall(r"^!(.+)$", FILES["deploy/Dockerfile.dockerignore"], re.MULTILINE))

    assert sources == allowed
    assert [source for source in sources if not (ROOT / source).exists()] == []
    homes = setuptools["package-dir"].values()
    assert [home for home in homes if not any(home.startswith(source) for source in sources)] == []


def test_the_page_has_the_numbers_of_the_files():
    env, descriptors = grants.settings(FILES[grants.ENV]), number(FILES[grants.DOCKERFILE], grants.DESCRIPTORS)
    terms = env.drain_terms
    parts = f"{terms.drain_timeout_s:g} + {descriptors} / {terms.evict_per_s:g} + {terms.close_timeout_s:g} + 1"
    page = " ".join((ROOT / "docs" / "production.md").read_text().split())
    assert f"{parts} = {terms.longest_s(descriptors):g} s, and {env.stop_budget_s:g} s are granted" in page
    for file, pattern, seconds in grants.places(FILES):
        if not pattern.startswith(("LimitNOFILE", "SERVER", '"--nofile')):
            row = re.sub(r"\(.*\)", f"{seconds}", pattern)
            assert f"`{row}`" in page, f"{file}: {row}"
