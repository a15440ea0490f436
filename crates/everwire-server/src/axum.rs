//! The extractor.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::upgrade::Head;
use crate::{Upgrade, UpgradeRejection};

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = UpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, UpgradeRejection> {
        let head = Head {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            headers: parts.headers.clone(),
        };
        Self::new(head, &mut parts.extensions)
    }
}

impl IntoResponse for UpgradeRejection {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::from)
    }
}
