from mmm.web import links
import pytest


@pytest.mark.parametrize("page", [links.CONNECT, links.MAP, links.QUALITY, links.PREPARE])
def test_smoke(open_page, stored, page):
    app = open_page(page)
    print([e.value for e in app.error])
    print([t.value for t in app.title])
    print([m.value[:100] for m in app.markdown][:10])
    assert not app.error


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("page", [links.CONNECT, links.MAP, links.QUALITY, links.PREPARE])
def test_smoke_empty(open_page, page):
    app = open_page(page)
    assert not app.error
