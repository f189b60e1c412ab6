# SPDX-License-Identifier: Apache-2.0
"""Federation: the bundles of other trust domains, fetched, watched and served.

What happens to them is logged to ``logging.getLogger("handfast.federation")``.
"""

from __future__ import annotations

from handfast.federation.endpoint import BundleEndpoint, HttpsSpiffe, HttpsWeb
from handfast.federation.endpoints_file import read_endpoints
from handfast.federation.fetch import Fetched, Hop, Secure, Secured, fetch_bundle
from handfast.federation.follow import follow, take_overrides
from handfast.federation.known import Federated
from handfast.federation.manager import FederationManager
from handfast.federation.publish import Numbered, Publisher
from handfast.federation.serve import BundleService, ServiceStatistics
from handfast.federation.source import FederatedSource
from handfast.federation.statistics import EndpointStatistics, FederationStatistics
from handfast.federation.url import EndpointUrl
from handfast.federation.web_files import WebFiles

__all__ = [
    "BundleEndpoint",
    "BundleService",
    "EndpointStatistics",
    "EndpointUrl",
    "Federated",
    "FederatedSource",
    "FederationManager",
    "FederationStatistics",
    "Fetched",
    "Hop",
    "HttpsSpiffe",
    "HttpsWeb",
    "Numbered",
    "Publisher",
    "Secure",
    "Secured",
    "ServiceStatistics",
    "WebFiles",
    "fetch_bundle",
    "follow",
    "read_endpoints",
    "take_overrides",
]
