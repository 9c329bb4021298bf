"""Tables, texts and pictures of web pages."""

import base64
import io

import numpy as np
from matplotlib.figure import Figure
from mmavs.visualization.html_page import (
    html_figure,
    html_page,
    html_table,
    html_text,
)
from mmavs.visualization.result_figures import (
    confusion_figure,
    interval_figure,
)
from PIL import Image


def test_text_is_escaped():
    page = html_page('a < b', [html_text('p', '<script>')])
    assert '<title>a &lt; b</title>' in page
    assert '<p>&lt;script&gt;</p>' in page


def test_table_rounds_floats_and_aligns_numbers():
    table = html_table(
        ['name', 'IoU'], [['<b>', 0.12345], ['c', float('nan')]]
    )
    assert '<th class="number">IoU</th>' in table
    assert '<td>&lt;b&gt;</td><td class="number">0.1235</td>' in table
    assert '<td>c</td><td class="number"></td>' in table


def test_figure_is_embedded_as_png():
    text = html_figure(Figure(figsize=(1, 0.5)), 'a "small" one')
    assert 'alt="a &quot;small&quot; one"' in text
    data = text.split('base64,')[1].split('"')[0]
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (110, 55)


def test_interval_without_objects_has_a_count_only():
    nan = float('nan')
    figure = interval_figure(
        'area', ['0 to 1', '1 to 2'], [3, 0], [0.5, nan],
        [(0.25, 0.75), (nan, nan)],
    )  # fmt: skip
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ['3', '0']
    assert [bar.get_height() for bar in axes.patches] == [0.5, 0]
    (line,) = axes.lines
    assert line.get_ydata().tolist() == [0.25, 0.75]


def test_confusion_matrix_leaves_out_absent_classes():
    """Half of b is predicted as a; c does not occur."""
    figure = confusion_figure(
        np.array([[4, 0, 0], [2, 2, 0], [0, 0, 0]]), ['a', 'b', 'c']
    )
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ['a', 'b']
    assert axes.images[0].get_array().tolist() == [[1, 0], [0.5, 0.5]]
