//! Data services: what a project keeps. Every volume is one, of the type `volume`, with the same id.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::volumes::CreateVolume;
use super::words::open::DataServiceType;

/// Body of `POST /data-services`: what a volume is made from, and two fields more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateDataService {
    #[serde(flatten)]
    pub service: DataServiceFields,
    #[serde(flatten)]
    pub volume: CreateVolume,
}

/// What a data service is created with besides the fields of a volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DataServiceFields {
    /// `volume`, which is also what it is when left out.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DataServiceType>,
    /// A whole number of GB, or `small`, `medium` or `large`: 10, 50 or 200 GB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DataServiceSize>)]
    pub size: Option<serde_json::Value>,
}

/// How the size of a data service is written.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "describes the field in the OpenAPI document; servers tell the two apart themselves"
)]
enum DataServiceSize {
    Gb(u64),
    Name(String),
}

/// Query of `GET /data-services`, beside the page and the filters of volumes.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfType {
    /// Only of this type: `volume`.
    #[param(rename = "type")]
    pub kind: Option<DataServiceType>,
}
