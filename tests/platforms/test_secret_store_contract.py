"""What every platform's secret store must do. A further platform is a further name in the fixture."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.errors import NotFound, UserError
from mmm.platforms.aws.secrets import SecretsManagerStore
from mmm.platforms.base import SecretStore
from mmm.platforms.gcp.secrets import SecretManagerStore
from mmm.platforms.local.secrets import FileSecretStore


@pytest.fixture(params=["local", "aws", "gcp"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStore:
    if request.param == "local":
        return FileSecretStore(tmp_path / "deep" / "secrets")
    if request.param == "gcp":
        return SecretManagerStore.from_settings(
            request.getfixturevalue("gcp").settings("no-bucket")
        )
    return SecretsManagerStore.from_settings(request.getfixturevalue("aws").settings("no-bucket"))


class SecretStoreContract:
    def test_a_secret_comes_back_exactly(self, store: SecretStore) -> None:
        for value in ("x", "", "-----BEGIN KEY-----\r\nabc\n-----END KEY-----\n", "pässwörd ✓"):
            store.put("mmm-app-sf-private-key", value)
            assert store.get("mmm-app-sf-private-key") == value

    def test_a_missing_secret_is_not_found(self, store: SecretStore) -> None:
        assert not store.exists("missing")
        with pytest.raises(NotFound, match="there is no secret 'missing'"):
            store.get("missing")

    def test_a_deleted_secret_is_gone_and_deleting_again_is_no_error(
        self, store: SecretStore
    ) -> None:
        store.put("name", "value")
        assert store.exists("name")
        store.delete("name")
        store.delete("name")
        assert not store.exists("name")

    @pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 200])
    def test_a_name_that_cannot_be_is_refused(self, store: SecretStore, name: str) -> None:
        with pytest.raises(UserError, match="cannot be the name of a secret"):
            store.put(name, "value")


class TestSecretStore(SecretStoreContract):
    pass


def test_local_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    FileSecretStore(folder).put("name", "value")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.iterdir()] == [
        ("name", 0o600)
    ]
