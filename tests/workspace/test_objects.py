"""The contract of the object store, whatever lies below."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmm.errors import AlreadyExists, NotFound, UserError
from mmm.workspace.objects import Objects, StoreError, open_store


def test_of_16_threads_creating_one_object_exactly_one_wins(objects: Objects) -> None:
    barrier = threading.Barrier(16)

    def create(number: int) -> int | None:
        barrier.wait()
        try:
            objects.create("race/object", str(number).encode())
        except AlreadyExists:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(create, range(16)) if number is not None]
    assert len(winners) == 1
    assert objects.get("race/object") == str(winners[0]).encode()


def test_a_missing_key_is_not_found_and_named(objects: Objects, url: str) -> None:
    with pytest.raises(NotFound, match="nothing/here") as raised:
        objects.get("nothing/here")
    assert raised.value.where == f"{url.rstrip('/')}/nothing/here"
    assert not objects.exists("nothing/here")


def test_put_overwrites(objects: Objects) -> None:
    objects.put("key", b"first, longer")
    objects.put("key", b"second")
    assert objects.get("key") == b"second"


def test_names_are_sorted_and_only_of_this_folder(objects: Objects) -> None:
    for key in ("f/000010", "f/000002", "f/deeper/x", "f/000001", "g/1", "fa"):
        objects.put(key, b"")
    assert objects.names("f") == ["000001", "000002", "000010"]
    assert objects.folders("f") == ["deeper"]
    assert objects.names("nowhere") == []
    assert objects.folders("nowhere") == []


@pytest.mark.parametrize(
    "key", ["Österreich/é ü", "a b/c'd", "x&y/(1)+2,3", "-_./dots.in.name", "日本/市場"]
)
def test_awkward_names_come_back(objects: Objects, key: str) -> None:
    folder, _, name = key.partition("/")
    objects.create(key, b"x")
    assert objects.get(key) == b"x"
    assert objects.names(folder) == [name]


@pytest.mark.parametrize("key", ["../outside", "a/../../b", "nul\0"])
def test_a_key_cannot_leave_the_store(objects: Objects, key: str) -> None:
    with pytest.raises(StoreError):
        objects.put(key, b"x")


def test_a_large_file_is_uploaded_whole(objects: Objects, tmp_path: Path) -> None:
    file = tmp_path / "large"
    content = bytes(range(256)) * 100_000  # 25.6 MB: more than one part
    file.write_bytes(content)
    objects.upload("large", file)
    assert objects.get("large") == content


def test_a_reader_never_sees_a_part_of_an_object(objects: Objects) -> None:
    size = 3_000_000
    objects.put("big", b"0" * size)
    done = threading.Event()

    def write() -> None:
        for turn in range(20):
            objects.put("big", str(turn % 10).encode() * size)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        seen = objects.get("big")
        assert len(seen) == size
        assert seen.count(seen[:1]) == size
    writer.join()


def test_an_unwritable_folder_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(StoreError, match="file"):
        open_store((file / "workspace").as_uri())


def test_an_unknown_address_is_refused() -> None:
    for url in ("ftp://host/x", "/plain/path", "s3://", "az://x/y"):
        with pytest.raises(UserError, match="not an address of a workspace"):
            open_store(url)
