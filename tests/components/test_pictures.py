"""Pictures and pages."""

from html.parser import HTMLParser

from matplotlib.figure import Figure

from components.pictures import page_html, picture_html, picture_png, table_html


class Cells(HTMLParser):
    """Collects the text of td and th, and the tags that were seen."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def draw(figure: Figure) -> None:
    figure.add_subplot().plot([0, 1], [1, 0])


def test_a_picture_is_a_png_of_the_asked_size_and_the_same_bytes_again() -> None:
    png = picture_png(draw, 2.0, 1.0)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    assert (width, height) == (220, 110)
    assert picture_png(draw, 2.0, 1.0) == png


def test_a_picture_travels_inside_the_page_with_its_text() -> None:
    html = picture_html(b"\x89PNG", 'rates of "shop" & co')
    assert html.startswith('<img src="data:image/png;base64,iVBORw=="')
    assert 'alt="rates of &quot;shop&quot; &amp; co"' in html


def test_cells_are_text_even_when_they_look_like_markup() -> None:
    parser = Cells()
    parser.feed(table_html(["name"], [["<script>alert(1)</script>"]]))
    assert parser.cells == ["name", "<script>alert(1)</script>"]
    assert "script" not in parser.tags


def test_a_column_of_sentences_is_set_as_prose_and_figures_are_not() -> None:
    html = table_html(["name", "why"], [["a", "x" * 41], ["b", "short"]])
    assert html.count('class="prose"') == 3
    assert '<td class="prose">short</td>' in html
    assert "<td>a</td>" in html


def test_a_page_needs_nothing_from_outside() -> None:
    page = page_html("Run <1>", [("One", "<p>a</p>"), ("Two & three", "<p>b</p>")])
    assert "<title>Run &lt;1&gt;</title>" in page
    assert "<h2>Two &amp; three</h2>" in page
    assert "<p>b</p>" in page
    assert "http" not in page
    assert "<link" not in page
    assert "<script" not in page
