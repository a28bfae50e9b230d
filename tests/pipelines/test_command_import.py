"""`aware import` as a person types it."""

import yaml

from pipelines.cli import main
from tests.components.migration.test_proposal import HPA, VPA


def aware(capsys, *arguments):
    code = 0
    try:
        main([*map(str, arguments)])
    except SystemExit as stop:
        code = stop.code
    return code, capsys.readouterr()


def test_a_file_of_both_becomes_one_object_with_notes_on_standard_error(tmp_path, capsys):
    file = tmp_path / "objects.yaml"
    file.write_text(f"{HPA}\n---\n{VPA}\n---\nkind: ConfigMap\nmetadata: {{name: x}}\n")
    code, told = aware(capsys, "import", "--from", "hpa", "--from", "vpa", "--file", file)
    assert code == 0
    (mpa,) = yaml.safe_load_all(told.out)
    assert mpa["kind"] == "MultidimPodAutoscaler"
    assert mpa["spec"]["policy"] == {"updateMode": "Off"}
    assert "shop/checkout: delete" in told.err


def test_kubectl_get_s_list_is_read_and_written_to_a_file(tmp_path, capsys):
    file, output = tmp_path / "list.yaml", tmp_path / "out.yaml"
    file.write_text(yaml.safe_dump({"kind": "List", "items": [yaml.safe_load(HPA)]}))
    code, _ = aware(capsys, "import", "--from", "hpa", "--file", file, "--output", output)
    assert code == 0
    assert yaml.safe_load(output.read_text())["metadata"]["name"] == "checkout"


def test_nothing_to_import_is_one_line_and_exit_code_2(tmp_path, capsys):
    file = tmp_path / "objects.yaml"
    file.write_text(HPA)
    code, told = aware(capsys, "import", "--from", "keda", "--file", file)
    assert code == 2
    assert told.err == f"error: {file} holds no ScaledObject; nothing to import\n"


def test_a_broken_file_is_one_line_and_exit_code_2(tmp_path, capsys):
    file = tmp_path / "objects.yaml"
    file.write_text("a: [")
    code, told = aware(capsys, "import", "--from", "hpa", "--file", file)
    assert code == 2
    assert told.err.startswith(f"error: {file} is no YAML")
    assert told.err.count("\n") == 1
