"""The programs that run in containers: the shell, busybox's tools, agnhost. Wanted texts are those of the real images on kind."""

from __future__ import annotations

import json
import re

import pytest

from tests.plain.embedded.living import BUSYBOX, Living, shell, web


@pytest.fixture(scope="module")
def box() -> Living:
    living = Living()
    living.pod("box", shell())
    return living


SCRIPTS = [
    ("echo a; echo b", "a\nb\n"),
    ("false || echo no && echo and", "no\nand\n"),
    ("true && false; echo $?", "1\n"),
    ("x=5; echo $((x*2+1)) $((7/2)) $((7%4)) $((x>3&&x<9)) $(( (1+2)*3 ))", "11 3 3 1 9\n"),
    ("i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done", "0\n1\n2\n"),
    ("for f in a b 'c d'; do echo \"<$f>\"; done", "<a>\n<b>\n<c d>\n"),
    ("if [ 1 -eq 2 ]; then echo x; elif test a = a; then echo y; else echo z; fi", "y\n"),
    ("case foo.txt in *.md) echo md;; *.txt|*.log) echo text;; *) echo other;; esac", "text\n"),
    ("until false; do echo once; break; done; echo after", "once\nafter\n"),
    ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
    ('f() { echo "$1-$#"; return 3; }; f a b; echo $?', "a-2\n3\n"),
    ("echo $(echo in $(echo deep)) `echo back`", "in deep back\n"),
    ("x='a  b'; echo $x \"$x\"", "a b a  b\n"),
    ('set -- one \'two three\'; for a in "$@"; do echo "$a"; done; echo $#', "one\ntwo three\n2\n"),
    ("echo ${X:-def} ${Y:=set} $Y ${Y:+alt} ${#Y} ${HOME%/*}x", "def set set alt 3 x\n"),
    ("p=/a/b.tar.gz; echo ${p##*/} ${p%.gz} ${p%%.*} ${p#/a}", "b.tar.gz /a/b.tar /a/b /b.tar.gz\n"),
    ("printf '%s-%03d\\n' a 7 b 8", "a-007\nb-008\n"),
    ("echo -n x; echo -e 'a\\tb'", "xa\tb\n"),
    ("printf 'a b\\nc d\\n' | while read x y; do echo $y$x; done", "ba\ndc\n"),
    ("cat <<EOF\nhome is $HOME\n$((1+1))\nEOF", "home is /\n2\n"),
    ("cat <<'EOF'\n$HOME\nEOF", "$HOME\n"),
    ("(cd /tmp; pwd); pwd", "/tmp\n/\n"),
    ("{ echo out; echo err >&2; } 2>/dev/null", "out\n"),
    ("echo one > /tmp/f; echo two >> /tmp/f; cat < /tmp/f; wc -l < /tmp/f", "one\ntwo\n2\n"),
    ("ls /nope 2>&1; echo $?", "ls: /nope: No such file or directory\n1\n"),
    ("trap 'echo bye' EXIT; echo hi; exit 4", "hi\nbye\n"),
    ("sleep 2 & wait $!; echo waited", "waited\n"),
    ("yes | head -n 2", "y\ny\n"),
    ("seq 5 | grep -v 3 | tail -n 2 | sort -r", "5\n4\n"),
    ("echo hello world | cut -d' ' -f2 | tr a-z A-Z", "WORLD\n"),
    ("echo aXbXc | sed 's/X/-/g'", "a-b-c\n"),
    ("printf 'b\\na\\nb\\n' | sort | uniq -c", "      1 a\n      2 b\n"),
    ("mkdir -p /tmp/d/e; touch /tmp/d/x; ls /tmp/d; rm -r /tmp/d; ls /tmp/d 2>/dev/null || echo gone", "e\nx\ngone\n"),
    ("echo /bin/l? /nope*", "/bin/ln /bin/ls /nope*\n"),
    ("A=1 env | grep ^A=; echo ${A-unset}", "A=1\nunset\n"),
    ("[[ a == a ]] && echo yes; set -o pipefail; false | true; echo $?; env -i A=1 env", "yes\n1\nA=1\n"),
    ("! true; echo $?; ! false; echo $?", "1\n0\n"),
    ("eval 'x=1; echo $x'; echo 'echo $1' > /tmp/s; sh /tmp/s arg; . /tmp/s", "1\narg\n\n"),
    ("timeout 1 sleep 5; echo $?", "143\n"),
    ("cat /proc/1/comm; id; hostname; whoami", "sleep\nuid=0(root) gid=0 groups=0\nbox\nroot\n"),
    ("command -v sh; type cd; which nope; echo $?", "/bin/sh\ncd is a shell builtin\n1\n"),
    ("kill -0 $$; echo $?; echo hi | base64; echo hi | tee /tmp/t | wc -c; cat /tmp/t", "0\naGkK\n3\nhi\n"),
]


@pytest.mark.parametrize(("script", "output"), SCRIPTS)
def test_what_a_script_prints(box: Living, script: str, output: str) -> None:
    assert box.run("box", script)[0] == output


COMPLAINTS = [
    ("nope", "sh: nope: not found\n", 127),
    ("/nope", "sh: /nope: not found\n", 127),
    ("cat /nope", "cat: can't open '/nope': No such file or directory\n", 1),
    ("cd /nope", "sh: cd: line 0: can't cd to /nope: No such file or directory\n", 2),
    ("grep x /nope", "grep: /nope: No such file or directory\n", 2),
    ("rm /nope", "rm: can't remove '/nope': No such file or directory\n", 1),
    ("mkdir /tmp", "mkdir: can't create directory '/tmp': File exists\n", 1),
    ("touch /x/y", "touch: /x/y: No such file or directory\n", 1),
    ("kill 99999", "sh: can't kill pid 99999: No such process\n", 1),
    ("sleep x", "sleep: invalid number 'x'\n", 1),
    ("if; then", 'sh: syntax error: unexpected ";"\n', 2),
    ('echo "unterminated', "sh: syntax error: unterminated quoted string\n", 2),
    ("set -e; false; echo no", "", 1),
    ("exit 3", "", 3),
    ("sh -c 'kill -9 $$'; exit $?", "Killed\n", 137),
    ("wget -qO- -T 2 http://nosuch/", "wget: bad address 'nosuch'\n", 1),
    ("wget -qO- http://127.0.0.1:99/", "wget: can't connect to remote host (127.0.0.1): Connection refused\n", 1),
    ("wget -qO- -T 2 http://10.244.1.250/", "wget: download timed out\n", 1),
    ("httpd -f -p 80 -h /nope", "httpd: can't change directory to '/nope': No such file or directory\n", 1),
]


@pytest.mark.parametrize(("script", "complaint", "code"), COMPLAINTS)
def test_how_a_script_fails(box: Living, script: str, complaint: str, code: int) -> None:
    assert box.run("box", script)[1:] == (complaint, code)


def test_an_endless_script_does_not_stop_the_cluster(living: Living) -> None:
    living.pod("busy", shell("while true; do :; done"), shell("yes > /dev/null", "yes"), after=5)
    assert living.look("busy")["status"]["phase"] == "Running"


def test_a_script_takes_the_time_that_it_sleeps(living: Living) -> None:
    living.pod("p", shell("date +%s; sleep 5; date +%s"), restartPolicy="Never", after=12)
    first, last = map(int, living.log("p").split())
    assert last - first in (5, 6)


def test_a_trapped_signal_comes_after_the_command_in_the_foreground(living: Living) -> None:
    living.pod("p", shell("trap 'echo told; exit 0' TERM; while true; do sleep 3; echo slept; done"), restartPolicy="Never")
    living.run("p", "kill 1")
    assert living.log("p") == ""
    living.advance(4)
    assert living.log("p") == "told\n"


def test_only_one_process_of_a_pod_has_a_port(living: Living) -> None:
    living.pod("p", web("one"), web("two"), after=4)
    assert "running" in living.state("p", 0)["state"]
    assert living.state("p", 1)["restartCount"] >= 1
    assert "listen tcp :8080: bind: address already in use" in living.log("p", "two")


def test_containers_of_a_pod_find_each_other_at_127_0_0_1_and_the_kernel_shows_it(living: Living) -> None:
    ip = living.pod("p", web("app"), shell(name="beside"))["status"]["podIP"]
    assert living.run("p", "wget -qO- http://127.0.0.1:8080/hostname", container="beside")[0] == "p"
    sockets = living.run("p", "cat /proc/net/tcp /proc/net/tcp6; ls -l /proc/[0-9]*/fd", container="app")[0]
    inode = re.search(r"^ +\d+: 0{32}:1F90 \S+ 0A (?:\S+ +){5}(\d+)", sockets, re.MULTILINE)
    assert inode
    assert f"socket:[{inode[1]}]" in sockets
    assert "0100007F" in sockets
    living.run("p", f"wget -qO- http://{ip}:8080/hostname", container="beside")
    own = "".join(f"{int(n):02X}" for n in reversed(ip.split(".")))
    assert re.search(rf"{own}:\S+ {own}:1F90 06", living.run("p", "cat /proc/net/tcp", container="app")[0])


PAGES = [
    ("/hostname", 200, "web"),
    ("/echo?msg=hi", 200, "hi"),
    ("/echo?msg=x&code=404", 404, "x"),
    ("/echo?code=abc", 200, "argument 'code' must be an integer or empty, got \"abc\"\n"),
    ("/healthz", 200, ""),
    ("/readyz", 200, "ok"),
    ("/envvar?var=HOSTNAME", 200, "web"),
    ("/envvar", 400, "'var' query parameter is required\n"),
    ("/serverport", 200, "8080"),
    ("/exit?code=x", 200, "argument 'code' must be an integer [0-127] or empty, got \"x\"\n"),
    ("/redirect", 302, '<a href="/">Found</a>.\n\n'),
]


@pytest.mark.parametrize(("path", "code", "body"), PAGES)
def test_a_page_of_agnhost(living: Living, path: str, code: int, body: str) -> None:
    living.pod("web", web())
    answer = living.ask("web", path)
    assert (answer.code, answer.body.decode()) == (code, body)


def test_agnhost_runs_a_shell_and_ends_when_it_is_asked_to(living: Living) -> None:
    living.pod("web", web(), restartPolicy="Never")
    assert json.loads(living.ask("web", "/shell?cmd=nope").body) == {"error": "exit status 127", "output": "/bin/sh: nope: not found\n"}
    assert living.ask("web", "/exit?code=3").why == "EOF"
    living.advance(3)
    assert living.state("web")["state"]["terminated"]["exitCode"] == 3
    assert (
        living.log("web")
        .splitlines()[-1]
        .endswith("Will begin shutdown in 0s, allowing 0s for connections to close, then will exit with 3")
    )


def test_liveness_is_well_for_ten_seconds(living: Living) -> None:
    container = web(args=["liveness"])
    living.pod("web", container)
    assert living.ask("web", "/healthz").body == b"ok"
    living.advance(10)
    assert living.ask("web", "/healthz").code == 500


@pytest.mark.parametrize(("args", "code"), [(["netexec"], 0), (["pause"], 2), (["liveness"], 2), (["serve-hostname"], 137)])
def test_how_agnhost_takes_sigterm(living: Living, args: list[str], code: int) -> None:
    living.pod("web", web(args=args), terminationGracePeriodSeconds=5)
    living.delete("web")
    living.advance(10)
    assert living.history("web")[-1]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code


def test_a_web_server_of_files(living: Living) -> None:
    living.pod("files", shell("mkdir /tmp/www; hostname > /tmp/www/a; exec httpd -f -p 9376 -h /tmp/www"))
    assert living.ask("files", "/a", 9376).body == b"files\n"
    assert living.ask("files", "/b", 9376).code == 404


def test_a_container_of_the_pause_image_has_no_shell(living: Living) -> None:
    living.pod("p", {"name": "main", "image": "registry.k8s.io/pause:3.10"})
    assert living.look("p")["status"]["phase"] == "Running"
    assert b"executable file not found" in living.talk("p", "sh").pull()[0][1]


def test_the_image_without_a_command_is_a_shell_that_finds_nothing_to_read(living: Living) -> None:
    living.pod("p", {"name": "main", "image": BUSYBOX}, restartPolicy="Never", after=6)
    assert living.look("p")["status"]["phase"] == "Succeeded"


def test_a_folder_is_copied_into_one_that_is_there_and_a_volume_stays_a_volume(living: Living) -> None:
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}
    mounted = shell("sleep 100") | {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    living.pod("p", mounted, mounted | {"name": "other"}, **volume)
    living.run(
        "p",
        "mkdir -p /tmp/a/b; echo one > /tmp/a/x; echo two > /tmp/a/b/y; echo old > /v/z; cp -r /tmp/a/. /v/; cp -r /tmp/a /v",
        container="main",
    )
    assert living.run("p", "cd /v; find . -type f | sort; cat x b/y z a/b/y", container="other")[0].split() == [
        "./a/b/y", "./a/x", "./b/y", "./x", "./z", "one", "two", "old", "two",
    ]  # fmt: skip
