"""Which repositories on this host a tenant may name: those below what is open to everybody, decided without looking."""

import pytest
from nexus_sdk.protocol.errors import RepositoryUnusable
from nexusd.api import sources
from nexusd.auth.identity import Identity

TENANT = Identity("alice", frozenset({"*"}), "own", "jwt")
NAMED = Identity("alice", frozenset({"*"}), frozenset({"ws_a"}), "jwt")
EVERYBODYS = Identity("root", frozenset({"*"}), "*", "peer")
HOME = "/nonexistent/home"


def check_source(identity, url, allowed, home=HOME):
    return sources.check_source(identity, url, allowed, home)


@pytest.fixture
def place(tmp_path):
    for name in ("open/shop", "openly", "closed/secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "open" / "link").symlink_to(tmp_path / "closed")
    return tmp_path


@pytest.mark.parametrize(
    "url", ["https://example.invalid/x.git", "git@example.invalid:x.git", "ssh://example.invalid/x"]
)
def test_remote_addresses_are_not_decided_here(url):
    assert check_source(TENANT, url, []) == url


@pytest.mark.parametrize("form", ["{}", "file://{}", "FILE://{}", "file:{}", "file://localhost{}"])
def test_who_sees_everything_may_use_everything(place, form):
    url = form.format(place / "closed" / "secret")
    assert check_source(EVERYBODYS, url, []) == url


@pytest.mark.parametrize("who", [TENANT, NAMED])
@pytest.mark.parametrize("form", ["{}", "file://{}", "FILE://{}", "file:{}", "file://localhost{}"])
@pytest.mark.parametrize(
    "path",
    ["closed/secret", "open/../closed/secret", "openly", "open/link/secret", "nothing/there", "", "%6fpen/../closed"],
)
def test_the_rest_is_refused_whether_it_is_there_or_not(place, who, form, path):
    with pytest.raises(RepositoryUnusable) as refused:
        check_source(who, form.format(place / path), [str(place / "open")])
    assert refused.value.details.reason == "repositories of this host are not open to this token"


def test_what_is_open_may_be_used(place):
    allowed = [str(place / "open")]
    shop = str(place / "open" / "shop")
    assert check_source(TENANT, shop, allowed) == shop
    assert check_source(TENANT, f"{place}/open/./shop/../shop", allowed) == shop
    assert check_source(TENANT, f"file://{shop}", allowed) == f"file://{shop}"


def test_a_link_into_the_open_is_resolved_before_it_is_used(place):
    (place / "way-in").symlink_to(place / "open" / "shop")
    assert check_source(TENANT, str(place / "way-in"), [str(place / "open")]) == str(place / "open" / "shop")


def test_a_relative_entry_opens_nothing(place, monkeypatch):
    monkeypatch.chdir(place)
    with pytest.raises(RepositoryUnusable):
        check_source(TENANT, str(place / "open" / "shop"), ["open", "."])


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize(
    "path",
    ["shop/.nexus/worktrees/w", "shop/.nexus/worktrees/w/inner", "home/repositories/x.git", "home", "way/repositories"],
)
def test_what_tenants_can_write_is_no_source(place, form, path):
    (place / "open" / "way").symlink_to(place / "open" / "home")
    url = form.format(place / "open" / path)
    with pytest.raises(RepositoryUnusable):
        check_source(TENANT, url, [str(place / "open")], place / "open" / "home")
    assert check_source(EVERYBODYS, url, [], place / "open" / "home") == url
