"""Files of web servers: fetched whole, checked, kept, and fetched again when they have changed."""

import hashlib
import threading
from pathlib import Path

import pytest

from mimiclab.errors import LocationError
from mimiclab.locations import is_cached, local_path
from mimiclab.locations import web as web_module

DATA = bytes(range(256)) * 3000


def leftovers(folder):
    return [p for p in folder.rglob("*") if p.is_file()] if folder.exists() else []


def test_a_file_is_fetched_once(web, cached):
    web.files["/a%20b/policy.onnx"] = DATA
    path = local_path(f"{web.address}/a b/policy.onnx")
    assert path.read_bytes() == DATA
    assert path.name == "policy.onnx" and path.is_relative_to(cached) and is_cached(path)
    assert not is_cached(cached.parent)
    web.stop()
    assert local_path(f"{web.address}/a b/policy.onnx") == path
    assert web.asked == ["/a%20b/policy.onnx 200"]


def test_a_slash_lost_by_path_is_no_loss(web):
    web.files["/p.onnx"] = DATA
    assert local_path(Path(f"{web.address}/p.onnx")).read_bytes() == DATA


def test_what_changed_is_fetched_again_when_it_is_no_longer_fresh(web, hours_later):
    web.files["/p.onnx"] = DATA
    location = f"{web.address}/p.onnx"
    local_path(location)
    web.files["/p.onnx"] = b"new"
    assert local_path(location).read_bytes() == DATA
    hours_later()
    assert local_path(location).read_bytes() == b"new"
    assert local_path(location).read_bytes() == b"new"
    assert [word[-3:] for word in web.asked] == ["200", "200", "304"]


def test_without_network_the_old_copy_is_used_with_a_warning(web, hours_later, capsys):
    web.files["/p.onnx"] = DATA
    path = local_path(f"{web.address}/p.onnx")
    hours_later()
    web.stop()
    assert local_path(f"{web.address}/p.onnx") == path
    said = capsys.readouterr().err
    assert "cannot be reached" in said and "using the copy of 0 minutes ago" in said
    path.write_bytes(DATA[:-1])  # no longer what was fetched
    with pytest.raises(LocationError, match="cannot be reached"):
        local_path(f"{web.address}/p.onnx")


def test_a_file_that_is_gone_is_not_taken_from_the_cache(web, hours_later):
    web.files["/p.onnx"] = DATA
    local_path(f"{web.address}/p.onnx")
    hours_later()
    del web.files["/p.onnx"]
    with pytest.raises(LocationError, match="404 Not Found: there is no such file"):
        local_path(f"{web.address}/p.onnx")


def test_a_damaged_copy_is_fetched_again(web):
    web.files["/p.onnx"] = DATA
    path = local_path(f"{web.address}/p.onnx")
    path.write_bytes(DATA[:-1] + b"x")
    assert local_path(f"{web.address}/p.onnx").read_bytes() == DATA
    assert [word[-3:] for word in web.asked] == ["200", "200"]


def test_a_named_checksum_is_what_the_file_must_have(web, cached, hours_later):
    web.files["/p.onnx"] = DATA
    right, wrong = hashlib.sha256(DATA).hexdigest(), "0" * 64
    with pytest.raises(LocationError, match=f"SHA-256 is {right}, but {wrong} was asked for"):
        local_path(f"{web.address}/p.onnx#sha256={wrong}")
    assert not leftovers(cached)
    path = local_path(f"{web.address}/p.onnx#sha256={right.upper()}")
    hours_later()
    web.stop()  # its content is known for ever
    assert local_path(f"{web.address}/p.onnx#sha256={right}") == path
    with pytest.raises(LocationError, match="cannot be reached"):
        local_path(f"{web.address}/p.onnx#sha256={wrong}")
    with pytest.raises(LocationError, match="64 hexadecimal digits"):
        local_path(f"{web.address}/p.onnx#sha256=12")


def test_half_a_file_is_not_kept(web, cached):
    web.files["/p.onnx"] = DATA
    web.cut.add("/p.onnx")
    with pytest.raises(LocationError, match=f"ended after {len(DATA) // 2} of {len(DATA)} bytes"):
        local_path(f"{web.address}/p.onnx")
    assert not leftovers(cached)
    web.cut.clear()
    assert local_path(f"{web.address}/p.onnx").read_bytes() == DATA


def test_redirects_are_followed_under_the_first_name(web):
    web.files["/store/4711"] = DATA
    web.moved["/policy.onnx"] = f"{web.address}/store/4711"
    path = local_path(f"{web.address}/policy.onnx")
    assert (path.name, path.read_bytes()) == ("policy.onnx", DATA)


@pytest.mark.parametrize(
    "status, words",
    [(403, "permission"), (410, "no such file"), (418, "check the address"), (503, "later")],
)
def test_a_refusal_says_what_the_server_said(web, status, words):
    web.status["/p.onnx"] = status
    with pytest.raises(LocationError, match=f"the server answered {status} .*{words}"):
        local_path(f"{web.address}/p.onnx")


def test_a_web_page_is_not_taken_for_a_file(web):
    web.files["/blob/p.onnx"] = b"<html>"
    web.pages.add("/blob/p.onnx")
    with pytest.raises(LocationError, match="download button"):
        local_path(f"{web.address}/blob/p.onnx")


def test_a_silent_server(web, monkeypatch):
    monkeypatch.setattr(web_module, "TIMEOUT_S", 0.2)
    web.silent = threading.Event()
    try:
        with pytest.raises(LocationError, match=r"said nothing for 0\.2 s"):
            local_path(f"{web.address}/p.onnx")
    finally:
        web.silent.set()


def test_questions_are_asked_but_not_told(web):
    web.files["/p.onnx"] = DATA
    first = local_path(f"{web.address}/p.onnx?key=SECRET")
    assert web.asked == ["/p.onnx?key=SECRET 200"]
    assert first != local_path(f"{web.address}/p.onnx?key=other")
    with pytest.raises(LocationError) as error:
        local_path(f"{web.address}/none.onnx?key=SECRET")
    assert "SECRET" not in str(error.value) and "SECRET" not in str(first)
    with pytest.raises(LocationError, match="user name or password") as error:
        local_path("https://me:SECRET@host/p.onnx")
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize("path", ["", "/runs/demo", "/runs/demo/"])
def test_a_folder_of_a_server_cannot_be_read(web, path):
    with pytest.raises(LocationError, match=r"a run folder is given as a \.zip"):
        local_path(web.address + path)


def test_no_name_leads_out_of_the_cache(web, cached):
    web.files["/../../../out.onnx"] = web.files["/out.onnx"] = DATA
    path = local_path(f"{web.address}/../../../out.onnx")
    assert path.resolve().is_relative_to(cached.resolve())


def test_a_slow_download_is_shown(web, monkeypatch, capsys):
    from mimiclab.locations import bar

    monkeypatch.setattr(bar, "QUIET_S", 0.0)
    web.files["/p.onnx"] = DATA
    local_path(f"{web.address}/p.onnx")
    assert "fetching" in capsys.readouterr().err
