import os
import subprocess
import sys

import pytest

from pad_ros.cli import COMMANDS, main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "nowhere", "x.png", "-o", "out"], "no product.yaml"),
        (["train", "nowhere", "-o", "out"], "transforms.json: missing"),
        (["evaluate", "nowhere", "-o", "out"], "no data set"),
        (["bag", "nowhere", "-o", "out"], "transforms.json: missing"),
        (["render", "nowhere", "--pose", "[]"], "no product.yaml"),
        (["demo", "--bag", "nowhere", "-o", "out"], "nowhere"),
        (["up"], "no product"),
        (["up", "product:=nothere"], "nothere has no product.yaml"),
        (["up", "--bag", "nowhere", "product=p"], "write argument:=value"),
    ],
)
def test_errors_are_one_line_and_exit_1(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and error.startswith(f"pad {arguments[0]}: ")


@pytest.mark.parametrize("line", ["doctor rate:=3", "up product:=p --loud", "up product:=p --bag b --loud rate:=3"])
def test_what_no_command_takes_is_refused(line, capsys):
    with pytest.raises(SystemExit):
        main(line.split())
    assert "unrecognized arguments" in capsys.readouterr().err


def test_help_is_there_at_once_and_loads_no_command():
    code = (
        "import sys; from pad_ros.cli import COMMANDS, main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'pycolmap', 'onnxruntime', 'scipy', 'rclpy', 'tqdm', 'yaml'} & set(sys.modules)\n"
        "print('loaded', sorted(heavy), [m for m in sys.modules if m.startswith('pad_ros.cli.')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(f"    {name}" in said for name in COMMANDS)
    assert said.splitlines()[-1] == "loaded [] []"


@pytest.mark.parametrize(("theirs", "used"), [(None, "1"), ("3", "3")])
def test_matrix_products_use_one_thread_unless_the_user_says_otherwise(theirs, used, monkeypatch, capsys):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if theirs:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", theirs)
    main(["render", "nowhere", "--pose", "[]"])
    assert os.environ["OPENBLAS_NUM_THREADS"] == used and capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert COMMANDS[name] in " ".join(capsys.readouterr().out.split())
