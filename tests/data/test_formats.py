from pathlib import Path

import pytest

from spillover.data.formats import Format, records
from spillover.errors import DataError


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fault(path: Path, format: Format, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        list(records(path, format, **options))  # type: ignore[arg-type]
    return str(caught.value)


def test_jsonl_keeps_values_and_counts_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"x": 1}\n{"x": "b\\u2028c"}\n')
    assert list(records(path, "jsonl")) == [(1, {"x": 1}), (2, {"x": "b\u2028c"})]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    text = "one\u2028still one\x0bstill\x85one"
    path = write(tmp_path, "a.txt", f"{text}\ntwo\n")
    assert list(records(path, "txt")) == [(1, {"text": text}), (2, {"text": "two"})]


@pytest.mark.parametrize("ending", ["one\ntwo\n", "one\ntwo", "one\r\ntwo\r\n\r\n"])
def test_txt_accepts_every_ending(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, "a.txt", ending)
    assert [row["text"] for _, row in records(path, "txt")] == ["one", "two"]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "\ufeffid\ttext\n1\ta\n".encode())
    assert list(records(path, "tsv")) == [(2, {"id": "1", "text": "a"})]


def test_an_unquoted_tsv_keeps_its_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", 'id\ttext\n1\t"a" said\n2\t"b\n')
    assert [row["text"] for _, row in records(path, "tsv")] == ['"a" said', '"b']


def test_a_quoted_csv_may_hold_lines_and_commas(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,text\n1,"a, ""b""\n\nc"\n2,d\n')
    assert list(records(path, "csv", quoted=True)) == [
        (2, {"id": "1", "text": 'a, "b"\n\nc'}),
        (5, {"id": "2", "text": "d"}),
    ]


def test_a_table_without_a_header_line_gets_one(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "q\t1\n")
    assert list(records(path, "tsv", ("question", "answer"))) == [
        (1, {"question": "q", "answer": "1"})
    ]


SENTENCE = "# sent_id = n{0}\n# text = Go {0}!\n1\tGo\tgo" + "\t_" * 7 + "\n\n"


def test_conllu_gives_the_comments_of_each_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, "a.conllu", SENTENCE.format(1) + SENTENCE.format(2))
    assert list(records(path, "conllu")) == [
        (1, {"sent_id": "n1", "text": "Go 1!"}),
        (5, {"sent_id": "n2", "text": "Go 2!"}),
    ]


def test_cut_json_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"x": 1}\n{"x": "abc')
    message = fault(path, "jsonl")
    assert message.startswith(f"{path}:2: not JSON")
    assert "one JSON object a line" in message


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("NaN", "NaN is not valid JSON"),
        ("-Infinity", "-Infinity is not valid JSON"),
        ("9" * 5000, "Exceeds the limit"),
        ("1e99999999999999999999", "a number of too many digits"),
        ('1, "x": 2', "the key 'x' stands there twice"),
        ('{"y": 1, "y": 1}', "the key 'y' stands there twice"),
        ('"\\ud800"', "surrogates not allowed"),
        ("[" * 200_000, "recursion"),
    ],
)
def test_json_that_no_text_can_come_of_is_refused(
    tmp_path: Path, value: str, said: str
) -> None:
    path = write(tmp_path, "a.jsonl", f'{{"x": {value}}}\n')
    message = fault(path, "jsonl")
    assert message.startswith(f"{path}:1: not JSON (")
    assert said in message


def test_both_halves_of_a_pair_are_a_character(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"x": "\\ud83d\\ude00"}\n')
    [(_, values)] = records(path, "jsonl")
    assert values == {"x": "\U0001f600"}


def test_json_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", "[1, 2]\n")
    message = fault(path, "jsonl")
    assert message.startswith(f"{path}:1: a JSON list")
    assert message.endswith(
        "write each object of the list on a line of its own, without line breaks in it."
    )


def test_json_over_several_lines_is_not_called_cut(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", '[\n {\n  "x": 1\n }\n]\n')
    message = fault(path, "jsonl")
    assert message.startswith(f"{path}:1: not JSON")
    assert "on a line of its own" in message
    assert "cut" not in message


@pytest.mark.parametrize("format", ["jsonl", "csv", "tsv", "txt"])
@pytest.mark.parametrize("quoted", [True, False])
def test_a_nul_byte_is_no_text(tmp_path: Path, format: Format, quoted: bool) -> None:
    path = write(tmp_path, "a", '{"x": "ab"}\n'.encode("utf-16-le"))
    assert fault(path, format, quoted=quoted) == (
        f"{path}:1: a NUL byte; is the file UTF-16? Save it as UTF-8."
    )


@pytest.mark.parametrize("format", ["jsonl", "csv", "txt"])
def test_lines_that_end_in_carriage_returns_are_refused(
    tmp_path: Path, format: Format
) -> None:
    path = write(tmp_path, "a", '{"x": 1}\r{"x": 2}\r')
    message = fault(path, format, quoted=True)
    assert message.startswith(f"{path}: the lines end in carriage returns alone")


def test_one_line_may_end_in_a_carriage_return(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "one\r")
    assert [row["text"] for _, row in records(path, "txt")] == ["one"]


@pytest.mark.parametrize("format", ["jsonl", "tsv", "txt"])
def test_a_blank_line_inside_is_refused(tmp_path: Path, format: Format) -> None:
    path = write(tmp_path, "a", '{"x": 1}\n \n\n{"x": 2}\n')
    assert fault(path, format).startswith(f"{path}:2: a blank line between others")


def test_a_blank_row_inside_a_quoted_table_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,a\n\n2,b\n")
    assert fault(path, "csv", quoted=True).startswith(f"{path}:3: a blank line")


def test_blank_rows_at_the_end_of_a_quoted_table_are_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,a\n\n\n")
    assert len(list(records(path, "csv", quoted=True))) == 1


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", b"fine\ncaf" + b"\xe9\n")
    assert fault(path, "txt").startswith(f"{path}:2: byte 4 of the line is not UTF-8")


def test_a_row_cut_in_the_middle_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "id\ta\tlabel\n1\tx\t0\n2\ty")
    assert fault(path, "tsv").startswith(
        f"{path}:3: 2 columns; expected 3 (id, a, label)"
    )


def test_a_row_with_a_stray_delimiter_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,a,b\n")
    message = fault(path, "csv", quoted=False)
    assert message.startswith(f"{path}:2: 3 columns; expected 2 (id, text)")
    assert "'quoted: true'" in message


def test_an_open_quote_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,text\n1,a\n2,"cut')
    assert fault(path, "csv", quoted=True).startswith(f"{path}:3: not a quoted table")


def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "id\ttext\ttext\n")
    assert fault(path, "tsv") == f"{path}:1: the header names 'text' twice."
    path = write(tmp_path, "b.csv", "id,text,,\n1,a,,\n")
    assert fault(path, "csv") == (
        f"{path}:1: the header names '' twice; delete the columns without a name."
    )


@pytest.mark.parametrize(
    "tail",
    [
        "# sent_id = n2\n# text = Go 2!\n1\tGo\tgo\t_\t_",
        "# sent_id = n2\n# text = Go 2!\n1\tGo\tgo" + "\t_" * 7 + "\n",
    ],
    ids=["within a line", "before the blank line"],
)
def test_cut_conllu_is_noticed(tmp_path: Path, tail: str) -> None:
    path = write(tmp_path, "a.conllu", SENTENCE.format(1) + tail)
    message = fault(path, "conllu")
    assert message.startswith(f"{path}:5: the last sentence is not followed")


def test_a_damaged_conllu_line_is_noticed(tmp_path: Path) -> None:
    cut = SENTENCE.format(1) + "# sent_id = n2\n1\tGo\tgo\n\n"
    assert fault(write(tmp_path, "a.conllu", cut), "conllu").startswith(
        f"{tmp_path}/a.conllu:5: a sentence with a word of 3 columns; expected 10"
    )
    broken = SENTENCE.format(1).replace("1\tGo", "one\tGo")
    assert fault(write(tmp_path, "b.conllu", broken), "conllu").startswith(
        f"{tmp_path}/b.conllu:1: not CoNLL-U"
    )


@pytest.mark.parametrize("key", ["text", "sent_id"])
def test_a_conllu_sentence_has_one_text_and_one_id(tmp_path: Path, key: str) -> None:
    notes = "# note = a\n# note = b\n"
    path = write(tmp_path, "a.conllu", notes + SENTENCE.format(1))
    assert len(list(records(path, "conllu"))) == 1
    write(tmp_path, "a.conllu", f"# {key} = Stop\n" + SENTENCE.format(1))
    message = fault(path, "conllu")
    assert message.startswith(
        f"{path}:1: the comment {key!r} stands in one sentence twice"
    )


def test_a_conllu_sentence_without_words_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.conllu", "# sent_id = n1\n\n")
    assert fault(path, "conllu").startswith(f"{path}:1: a sentence without words")


def test_a_cell_may_hold_a_long_document(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'text,n\n"{"long " * 40_000}",1\n')
    [(_, row)] = records(path, "csv", quoted=True)
    assert len(str(row["text"])) == 200_000
