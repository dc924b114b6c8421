//! Where an API is: people and the environment write it with or without `/api/v1`, we always call it with.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

const PREFIX: &str = "/api/v1";

/// The base of every call, for example `http://127.0.0.1:7420/api/v1`.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Ends in `/api/v1`, has no query and no fragment.
    base: Url,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an endpoint: {problem}; write for example http://127.0.0.1:7420")]
pub struct InvalidEndpoint {
    pub text: String,
    pub problem: String,
}

impl Endpoint {
    /// Whether calls stay on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// The address of a route. Each segment is escaped, so an id with a slash in it cannot name another route.
    pub(crate) fn route(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("http and https addresses have a path").extend(segments);
        url
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = |problem: &str| InvalidEndpoint { text: text.to_owned(), problem: problem.to_owned() };
        let scheme = text.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("http" | "https")) {
            return Err(invalid("it must begin with http:// or https://"));
        }
        let mut base = Url::parse(text.trim()).map_err(|error| invalid(&error.to_string()))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(invalid("a key does not belong into the address"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(invalid("it must not have a query or a fragment"));
        }
        let mut path = base.path().trim_end_matches('/');
        while let Some(shorter) = path.strip_suffix(PREFIX) {
            path = shorter.trim_end_matches('/');
        }
        let path = format!("{path}{PREFIX}");
        base.set_path(&path);
        Ok(Self { base })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_there_exactly_once() {
        for (text, base) in [
            ("http://127.0.0.1:7420", "http://127.0.0.1:7420/api/v1"),
            ("http://127.0.0.1:7420/", "http://127.0.0.1:7420/api/v1"),
            ("https://api.example.com/api/v1", "https://api.example.com/api/v1"),
            ("https://api.example.com/api/v1//", "https://api.example.com/api/v1"),
            ("https://api.example.com/api/v1/api/v1", "https://api.example.com/api/v1"),
            ("https://example.com/storage", "https://example.com/storage/api/v1"),
            (" http://[::1]:7420 ", "http://[::1]:7420/api/v1"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), base, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "127.0.0.1:7420",
            "localhost:7420",
            "ftp://127.0.0.1",
            "http://",
            "http://key@host",
            "http://host?x=1",
            "http://host#x",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn loopback_is_known_by_its_address() {
        for (text, loopback) in [
            ("http://127.0.0.1:7420", true),
            ("http://127.8.9.1", true),
            ("http://[::1]:7420", true),
            ("http://localhost:7420", true),
            ("http://localhost.example.com", false),
            ("http://192.168.0.1", false),
            ("https://api.example.com", false),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn an_id_cannot_name_another_route() {
        let endpoint: Endpoint = "http://h".parse().unwrap();
        assert_eq!(endpoint.route(&["volumes", "../computers/x"]).as_str(), {
            "http://h/api/v1/volumes/..%2Fcomputers%2Fx"
        });
    }
}
