"""A cluster that is not ours is never touched: three witnesses, and no request to anybody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shallowdive.cluster import Home, open_access, tenant_access
from shallowdive.cluster.access import check_address, check_marker, read_kubeconfig
from shallowdive.cluster.existing import ExistingBackend
from shallowdive.cluster.home import Record
from shallowdive.errors import NoCluster, NotOurs, Unhealthy
from tests.plain.fake_api import FakeApi

Body = dict[str, Any]


def kubeconfig(server: str, context: str = "kind-shallowdive", *, user: Body | None = None, cluster: Body | None = None) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
            "users": [{"name": "u", "user": {"token": "t"} if user is None else user}],
            "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        }
    )


@pytest.fixture
def stranger() -> Iterator[FakeApi]:
    """Another cluster's API server; it counts what it is asked."""
    fake = FakeApi()
    yield fake
    fake.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.record.parent.mkdir(parents=True)
    return home


@pytest.mark.parametrize("verb", [["status"], ["check", "12"], ["lab", "1", "--headless"], ["reset", "1"], ["kubeconfig"], ["down"]])
def test_no_verb_follows_the_current_context_of_the_person(verb: list[str], stranger: FakeApi, tmp_path: Path) -> None:
    dot_kube = tmp_path / ".kube"
    dot_kube.mkdir()
    (dot_kube / "config").write_text(kubeconfig(stranger.url, "production"))
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "KUBECONFIG": str(dot_kube / "config"),
        "SHALLOWDIVE_HOME": str(tmp_path / "home"),
        "PATH": "/nonexistent",
    }
    ended = subprocess.run([sys.executable, "-m", "shallowdive", *verb], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert stranger.requests == []
    assert (dot_kube / "config").read_text() == kubeconfig(stranger.url, "production")
    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.returncode == (0 if verb == ["down"] else 4), "nothing to remove is no error"


def test_a_lesson_without_a_cluster_of_ours_says_how_to_get_one(stranger: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(kubeconfig(stranger.url, "production"))
    env = {**os.environ, "KUBECONFIG": str(tmp_path / "config"), "SHALLOWDIVE_HOME": str(tmp_path)}
    code = "from shallowdive.lessons import lesson\ntry: lesson('1')\nexcept Exception as e: print(e)"
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert "[SD-C01]" in ended.stdout
    assert "next: shallowdive up" in ended.stdout
    assert stranger.requests == []


@pytest.mark.parametrize(
    "user, cluster, field",
    [
        ({"exec": {"command": "touch", "args": ["owned"]}}, {}, "exec"),
        ({"auth-provider": {"name": "gcp"}}, {}, "auth-provider"),
        ({"tokenFile": "/etc/passwd"}, {}, "tokenFile"),
        ({"client-certificate": "/a", "client-key": "/b"}, {}, "client-certificate"),
        ({"token": "t"}, {"certificate-authority": "/etc/passwd"}, "certificate-authority"),
        ({"token": "t"}, {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
        ({"token": "t"}, {"proxy-url": "http://elsewhere"}, "proxy-url"),
    ],
)
def test_a_kubeconfig_that_runs_programs_or_reads_other_files_is_refused(user: Body, cluster: Body, field: str, home: Home) -> None:
    home.kubeconfig.write_text(kubeconfig("https://127.0.0.1:1", user=user, cluster=cluster))
    with pytest.raises(NotOurs, match=r"\[SD-C04\]") as caught:
        read_kubeconfig(home.kubeconfig, "kind-shallowdive")
    assert field in caught.value.saw


@pytest.mark.parametrize("text", ["", "not: [yaml", "contexts: []", "a: 1", "[]", "contexts: null\nclusters: null\nusers: null"])
def test_a_damaged_kubeconfig_is_a_clear_refusal(text: str, home: Home) -> None:
    home.kubeconfig.write_text(text)
    with pytest.raises(NotOurs, match="holds no usable context"):
        read_kubeconfig(home.kubeconfig, "kind-shallowdive")


@pytest.mark.parametrize(
    "host", ["https://10.0.0.1:6443", "https://prod.example.com", "https://localhost.example.com", "https://127.0.0.1.nip.io"]
)
def test_an_address_away_from_this_machine_is_refused(host: str) -> None:
    with pytest.raises(NotOurs, match="points away from this machine"):
        check_address(host, "")


def test_a_confirmed_address_is_accepted_to_the_letter() -> None:
    check_address("https://10.0.0.1:6443", "https://10.0.0.1:6443")
    with pytest.raises(NotOurs):
        check_address("https://10.0.0.1:6444", "https://10.0.0.1:6443")


def test_the_record_alone_opens_nothing(home: Home) -> None:
    Record("shallowdive", "kind", phase="ready", context="kind-shallowdive").save(home)
    with pytest.raises(NoCluster):
        open_access(home)


def test_a_server_without_our_marker_is_asked_once_and_refused(stranger: FakeApi) -> None:
    stranger.status = 404
    with pytest.raises(NotOurs, match="does not carry our marker"):
        check_marker(stranger.api(), "shallowdive-system", "ours")
    assert len(stranger.requests) == 1


def test_another_cluster_at_our_address_is_refused(home: Home, stranger: FakeApi) -> None:
    Record("shallowdive", "kind", phase="ready", context="kind-shallowdive", marker="ours").save(home)
    home.kubeconfig.write_text(kubeconfig(stranger.url))
    with pytest.raises(NotOurs, match="another cluster answers at our address"):
        open_access(home)


def test_a_dead_server_is_not_a_foreign_one(home: Home) -> None:
    Record("shallowdive", "kind", phase="ready", context="kind-shallowdive", marker="ours").save(home)
    home.kubeconfig.write_text(kubeconfig("http://127.0.0.1:9"))
    with pytest.raises(Unhealthy, match="does not answer"):
        open_access(home)


def test_a_proxy_of_the_environment_is_not_asked_for_a_loopback_server(
    home: Home, stranger: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    home.kubeconfig.write_text(kubeconfig(stranger.url))
    configuration = read_kubeconfig(home.kubeconfig, "kind-shallowdive")
    assert configuration.proxy is None


def test_an_existing_cluster_is_not_used_before_it_is_named_and_confirmed(home: Home, stranger: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig(stranger.url, "production"))
    with pytest.raises(NotOurs, match="used only by name"):
        ExistingBackend(home).up(print)
    with pytest.raises(NotOurs, match=f"production is {stranger.url}"):
        ExistingBackend(home, file, "production").up(print)
    with pytest.raises(NotOurs, match="only after you confirm"):
        ExistingBackend(home, file, "production", "yes").up(print)
    assert stranger.requests == []
    assert not home.record.exists()


def test_a_tenant_with_half_an_access_is_told_what_is_missing() -> None:
    with pytest.raises(NotOurs, match="not complete") as caught:
        tenant_access({"SHALLOWDIVE_SERVER": "https://127.0.0.1:1", "SHALLOWDIVE_NAMESPACE": "n"})
    assert caught.value.saw == "not set: SHALLOWDIVE_TOKEN_FILE, SHALLOWDIVE_CA_FILE"
    assert tenant_access({}) is None
