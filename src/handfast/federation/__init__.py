# SPDX-License-Identifier: Apache-2.0
"""Federation: the bundles of other trust domains, fetched, watched and served."""

from __future__ import annotations

from handfast.federation.endpoint import BundleEndpoint, HttpsSpiffe, HttpsWeb
from handfast.federation.fetch import Fetched, Hop, Secure, Secured, fetch_bundle
from handfast.federation.url import EndpointUrl

__all__ = [
    "BundleEndpoint",
    "EndpointUrl",
    "Fetched",
    "Hop",
    "HttpsSpiffe",
    "HttpsWeb",
    "Secure",
    "Secured",
    "fetch_bundle",
]
