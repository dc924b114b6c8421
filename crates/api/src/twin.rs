//! The success envelope of one object: all fields at the top level *and* the same object again under `data`.
//!
//! Published clients disagree about where one object stands in an answer: some read the top level, some `data`. A twin
//! serves both. No object has a field of its own called `data`.

use serde::{Deserialize, Serialize};

/// `{"id":"v1","name":"a","data":{"id":"v1","name":"a"}}`
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Twin<T> {
    #[serde(flatten)]
    pub object: T,
    pub data: T,
}

impl<T: Clone> Twin<T> {
    pub fn of(object: T) -> Self {
        Self { data: object.clone(), object }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_says_everything_twice() {
        #[derive(Clone, Serialize)]
        struct Named {
            name: &'static str,
        }
        let json = serde_json::to_value(Twin::of(Named { name: "a" })).unwrap();
        assert_eq!(json, serde_json::json!({"name": "a", "data": {"name": "a"}}));
    }
}
