# SPDX-License-Identifier: Apache-2.0
"""Forge certificates: every kind that a verifier must refuse, and some it must not.

Example:
    >>> from handfast.authority import Authority
    >>> authority = Authority("a.example")
    >>> web = "spiffe://a.example/web"
    >>> late = forge(authority, web, not_before=-7200, not_after=-3600)
    >>> late.expires_in() < timedelta(0)
    True
    >>> middle = forge_intermediate(authority, path_length=0)
    >>> len(forge(middle, web).chain)
    2
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509

from handfast.authority import Authority
from handfast.bundle import TrustBundle
from handfast.certificates import extension_of
from handfast.errors import InvalidId
from handfast.ids import SpiffeId, TrustDomain
from handfast.svid import X509Svid
from handfast.testing.build import Issuer, build, key_identifier
from handfast.testing.der import common_name
from handfast.testing.recipe import INTERMEDIATE, LEAF, ROOT, Recipe
from handfast.testing.sign import AnyKey, ForgedKey, new_key, spki

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handfast.authority import Signer

__all__ = ["ForgedAuthority", "ForgedSvid", "cross_sign", "forge"]
__all__ += ["forge_intermediate", "forge_root"]

_UNREADABLE = SpiffeId.parse("spiffe://forged.invalid/unreadable")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForgedSvid(X509Svid):
    """An SVID that nobody has checked, where an :class:`X509Svid` is wanted.

    Attributes:
        claims: What it was forged for. ``spiffe_id`` is the same when that is an ID,
            and ``spiffe://forged.invalid/unreadable`` when it is not.
        window: The validity that it was forged with.
    """

    claims: str
    window: tuple[datetime, datetime]

    def __post_init__(self) -> None:
        try:
            spiffe_id = SpiffeId.parse(self.claims)
        except InvalidId:
            spiffe_id = _UNREADABLE
        object.__setattr__(self, "spiffe_id", spiffe_id)
        object.__setattr__(self, "not_before", self.window[0])
        object.__setattr__(self, "not_after", self.window[1])

    def __repr__(self) -> str:
        return f"<ForgedSvid {self.spiffe_id}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForgedAuthority:
    """A signing certificate that nobody has checked, and its key.

    Attributes:
        trust_domain: The one it is meant for.
        der: The certificate.
        key: Its private key.
        issuer: How it signs.
        intermediates: What goes along with a leaf that it signs.
    """

    trust_domain: TrustDomain
    der: bytes
    key: ForgedKey
    issuer: Issuer = field(repr=False)
    intermediates: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, signer: Signer, trust_domain: TrustDomain) -> ForgedAuthority:
        """Take over what an honest authority signs with, to sign what it would not."""
        return cls(
            trust_domain=trust_domain,
            der=signer.der,
            key=ForgedKey(signer.key.load()),
            issuer=_issuer_by(signer),
            intermediates=signer.intermediates,
        )

    @property
    def bundle(self) -> TrustBundle:
        """A bundle of it alone.

        Raises:
            InvalidBundle: It is too broken even for a bundle.
        """
        return TrustBundle.from_der(self.trust_domain, [self.der])

    def __repr__(self) -> str:
        return f"<ForgedAuthority for {self.trust_domain}>"


def _issuer_of(authority: Authority | ForgedAuthority) -> tuple[Issuer, TrustDomain]:
    if isinstance(authority, ForgedAuthority):
        return authority.issuer, authority.trust_domain
    return _issuer_by(authority.signer), authority.trust_domain


def _issuer_by(signer: Signer) -> Issuer:
    subject = signer.certificate.subject.public_bytes()
    identifier = extension_of(signer.certificate, x509.SubjectKeyIdentifier)
    key_id = b"" if identifier is None else identifier.digest
    return Issuer(subject, signer.key.load(), key_id)


def _chain_of(authority: Authority | ForgedAuthority) -> tuple[bytes, ...]:
    if isinstance(authority, ForgedAuthority):
        return authority.intermediates
    return authority.signer.intermediates


def _moment(value: datetime | timedelta | int, now: datetime) -> datetime:
    if isinstance(value, int):
        value = timedelta(seconds=value)
    return now + value if isinstance(value, timedelta) else value


def _now(now: datetime | None) -> datetime:
    return (now or datetime.now(UTC)).replace(microsecond=0)


def forge(
    authority: Authority | ForgedAuthority,
    spiffe_id: SpiffeId | str,
    *,
    recipe: Recipe = LEAF,
    extra_chain: Iterable[bytes] = (),
    now: datetime | None = None,
    **knobs: Any,
) -> ForgedSvid:
    """Forge a workload's SVID.

    Args:
        authority: Who signs; the trust domain of the ID does not matter.
        spiffe_id: What it claims, also what is no SPIFFE ID.
        recipe: What to begin with.
        extra_chain: DER certificates to send after the honest chain.
        now: What the recipe's times count from.
        knobs: Fields of :class:`Recipe` to be different.

    Raises:
        TypeError: There is no such knob.
    """
    recipe = replace(recipe, **knobs)
    now = _now(now)
    issuer, _ = _issuer_of(authority)
    key = new_key(recipe.key_type)
    leaf = build(recipe, key, issuer, str(spiffe_id), now)
    return ForgedSvid(
        chain=(leaf, *_chain_of(authority), *extra_chain),
        key=ForgedKey(key),
        claims=str(spiffe_id),
        window=(_moment(recipe.not_before, now), _moment(recipe.not_after, now)),
    )


def forge_intermediate(
    authority: Authority | ForgedAuthority,
    *,
    recipe: Recipe = INTERMEDIATE,
    key: ForgedKey | None = None,
    now: datetime | None = None,
    **knobs: Any,
) -> ForgedAuthority:
    """Forge an intermediate under an authority; its ID is that trust domain's.

    Args:
        authority: Who signs.
        recipe: What to begin with.
        key: Its key, to share one with another authority; a new one when left out.
        now: What the recipe's times count from.
        knobs: Fields of :class:`Recipe` to be different.

    Raises:
        TypeError: There is no such knob.
    """
    issuer, trust_domain = _issuer_of(authority)
    forged = _forge_ca(replace(recipe, **knobs), trust_domain, issuer, key, _now(now))
    return replace(forged, intermediates=(forged.der, *_chain_of(authority)))


def forge_root(
    trust_domain: TrustDomain | str,
    *,
    recipe: Recipe = ROOT,
    key: ForgedKey | None = None,
    now: datetime | None = None,
    **knobs: Any,
) -> ForgedAuthority:
    """Forge a self-signed root.

    Args:
        trust_domain: Whose ID it carries, unless ``uris`` says otherwise.
        recipe: What to begin with.
        key: Its key, to share one with another authority; a new one when left out.
        now: What the recipe's times count from.
        knobs: Fields of :class:`Recipe` to be different.

    Raises:
        TypeError: There is no such knob.
    """
    if not isinstance(trust_domain, TrustDomain):
        trust_domain = TrustDomain.parse(trust_domain)
    return _forge_ca(replace(recipe, **knobs), trust_domain, None, key, _now(now))


def cross_sign(
    authority: ForgedAuthority,
    by: Authority | ForgedAuthority,
    *,
    recipe: Recipe = INTERMEDIATE,
    **knobs: Any,
) -> ForgedAuthority:
    """Forge a second certificate for an authority's name and key, signed by another."""
    own: dict[str, Any] = {
        "subject": authority.issuer.name,
        "uris": (str(authority.trust_domain.id),),
    }
    return forge_intermediate(by, recipe=recipe, key=authority.key, **(own | knobs))


def _forge_ca(
    recipe: Recipe,
    trust_domain: TrustDomain,
    issuer: Issuer | None,
    key: ForgedKey | None,
    now: datetime,
) -> ForgedAuthority:
    key = key or ForgedKey(new_key(recipe.key_type))
    signing: AnyKey = key.load()
    public = recipe.public_key or spki(signing)
    given = recipe.subject_key_identifier
    key_id = given if isinstance(given, bytes) else key_identifier(public)
    subject = recipe.subject
    if isinstance(subject, str):
        subject = common_name(subject)
    own = Issuer(subject, signing, key_id)
    der = build(recipe, signing, issuer or own, str(trust_domain.id), now)
    return ForgedAuthority(trust_domain=trust_domain, der=der, key=key, issuer=own)
