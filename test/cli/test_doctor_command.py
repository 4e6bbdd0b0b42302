from pad_ros.cli import main


def test_doctor_finds_what_every_inspection_needs(capsys):
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(not line.startswith("FAIL") for line in lines)
    assert any("EfficientNet" in line for line in lines)
