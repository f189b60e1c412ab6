# SPDX-License-Identifier: Apache-2.0
"""Private keys of an authority on disk: one file each, 0600, encrypted on request.

A file's name says nothing but which key it is (the SHA-256 of its public half). With a
password it holds PKCS#8 under PBES2: scrypt (N=2^14, r=8, p=5) and AES-256-CBC, which
`openssl pkey` reads too; CBC alone does not notice a change, so what was read must be
the key that the name says. `cryptography` itself would write PBKDF2 with 2,048 rounds,
which is why the few bytes of DER are put together here.

A file is written whole, to the disk, before any row of the database speaks of it, and
removed after the last one was deleted: a crash leaves a file too many, never too few.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

from handfast._whole_files import remove_unfinished, replace_file, sync_folder
from handfast.authority.database import make_private_folder, need_private
from handfast.authority.refusal import refuse
from handfast.keys import PrivateKey
from handfast.pem import write_pem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Final

__all__ = ["KeyStore", "key_id"]

_N, _R, _P = 1 << 14, 8, 5
_ENDING: Final = ".key"
_FILE = re.compile(r"[0-9a-f]{32}\.key")
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
_SHORT: Final = 0x80


def key_id(public_der: bytes) -> str:
    """Name a key: the first half of the SHA-256 of its public half."""
    return hashlib.sha256(public_der).hexdigest()[:32]


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < _SHORT:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _SHORT | len(digits)]) + digits + content


def _integer(number: int) -> bytes:
    return _tlv(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def encrypt(der: bytes, password: bytes) -> bytes:
    """Encrypt PKCS#8 as an ``ENCRYPTED PRIVATE KEY`` block."""
    salt, start = secrets.token_bytes(16), secrets.token_bytes(16)
    key = Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(password)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    padded = padder.update(der) + padder.finalize()
    secret = encryptor.update(padded) + encryptor.finalize()
    numbers = (_integer(_N), _integer(_R), _integer(_P))
    kdf = _tlv(_SEQUENCE, _SCRYPT, _tlv(_SEQUENCE, _tlv(_OCTETS, salt), *numbers))
    cipher = _tlv(_SEQUENCE, _AES_256_CBC, _tlv(_OCTETS, start))
    scheme = _tlv(_SEQUENCE, _PBES2, _tlv(_SEQUENCE, kdf, cipher))
    whole = _tlv(_SEQUENCE, scheme, _tlv(_OCTETS, secret))
    return write_pem("ENCRYPTED PRIVATE KEY", [whole])


class KeyStore:
    """A folder of private keys.

    Args:
        folder: Where; made when it is not there.
        password: Encrypts what is written. A key that is there in the clear is refused
            then, and an encrypted one without a password.

    Raises:
        ConfigError: Others may use the folder, or the password is empty.
    """

    def __init__(self, folder: Path, *, password: bytes | None = None) -> None:
        if password is not None and not password:
            refuse("a password of a byte or more", "an empty one")
        make_private_folder(folder)
        self._folder = folder
        self._password = password

    def put(self, key: PrivateKey) -> str:
        """Write a key, to the disk, and return its ID."""
        name = key_id(key.public_der)
        path = self._folder / (name + _ENDING)
        data = key.to_pem()
        if self._password is not None:
            data = encrypt(key.der, self._password)
        replace_file(path, data, 0o600)
        return name

    def get(self, name: str) -> PrivateKey:
        """Read a key.

        Raises:
            ConfigError: It is not there, others may read it, the password is not the
                right one, or the file holds another key.
        """
        path = self._folder / (name + _ENDING)
        if not path.exists():
            hint = "restore the state directory as a whole from a backup"
            refuse(f"the key {path.name}", "no such file", hint)
        need_private(path)
        data = path.read_bytes()
        if (b"ENCRYPTED" in data) != (self._password is not None):
            seen = "a clear one" if self._password is not None else "an encrypted one"
            wanted = "an encrypted" if self._password is not None else "a clear"
            refuse(f"{wanted} key", f"{seen} in {path.name}", "mind --key-password")
        key = self._decode(data, path.name)
        if key_id(key.public_der) != name:
            refuse(f"the key of {path.name}", "another key")
        return key

    def _decode(self, data: bytes, name: str) -> PrivateKey:
        if self._password is None:
            return PrivateKey.from_pem(data)
        found: PrivateKey | None = None
        # Not chained to the error below: it could show parts of the input.
        with suppress(ValueError, TypeError, UnsupportedAlgorithm, InternalError):
            key = serialization.load_pem_private_key(data, self._password)
            found = PrivateKey(key)
        if found is None:
            refuse(f"the password of {name}", "another one, or a damaged file")
        return found

    def keep_only(self, names: Iterable[str]) -> list[str]:
        """Remove every other key, and what an interrupted `put` has left.

        Returns:
            The names of the files that were removed.
        """
        kept = {name + _ENDING for name in names}
        found = sorted(path.name for path in self._folder.iterdir())
        gone = [name for name in found if _FILE.fullmatch(name) and name not in kept]
        for name in gone:
            (self._folder / name).unlink()
        remove_unfinished(self._folder)
        if gone:
            sync_folder(self._folder)
        return gone
