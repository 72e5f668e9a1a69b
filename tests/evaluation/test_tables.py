import csv

from fastnst.evaluation import tables


def test_markdown_is_aligned():
    text = tables.markdown(("term", "mean"), [("a", 1234567.0), ("long", None)])
    assert text == (
        "| term | mean      |\n"
        "| ---- | --------- |\n"
        "| a    | 1.235e+06 |\n"
        "| long |           |\n"
    )


def test_csv_can_be_read_back_exactly(tmp_path):
    path = tmp_path / "table.csv"
    value = 0.1 + 0.2
    tables.write_csv(path, ("name", "value"), [("a, b", value), ("c", None)])
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["name", "value"], ["a, b", repr(value)], ["c", ""]]
    assert [found.name for found in tmp_path.iterdir()] == ["table.csv"]
