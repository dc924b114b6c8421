//! The gRPC method `miosa.agent.v1.Agent/Session`, written by hand: with JSON messages there is nothing to generate.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Body, StdError};
use tonic::server::{NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::{AgentMessage, ControllerMessage};

const METHOD: &str = "/miosa.agent.v1.Agent/Session";

/// Largest message that is accepted. Senders stay far below it: see [`frame`](super::frame).
const MESSAGE_MAX_BYTES: usize = 64 << 20;

/// What the controller does with an agent's session.
#[tonic::async_trait]
pub trait SessionHandler: Send + Sync + 'static {
    /// `request` carries the peer's credentials in its extensions. The session lasts as long as the answered stream.
    async fn session(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<BoxStream<'static, Result<ControllerMessage, Status>>, Status>;
}

/// The controller's side.
pub struct AgentServer<H>(Arc<H>);

impl<H> AgentServer<H> {
    pub fn new(handler: Arc<H>) -> Self {
        Self(handler)
    }
}

impl<H> Clone for AgentServer<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H> NamedService for AgentServer<H> {
    const NAME: &'static str = "miosa.agent.v1.Agent";
}

impl<H, B> tower::Service<http::Request<B>> for AgentServer<H>
where
    H: SessionHandler,
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let session = Session(self.0.clone());
        Box::pin(async move {
            if request.uri().path() != METHOD {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            let mut grpc = tonic::server::Grpc::new(JsonCodec::<ControllerMessage, AgentMessage>::default())
                .max_decoding_message_size(MESSAGE_MAX_BYTES);
            Ok(grpc.streaming(session, request).await)
        })
    }
}

struct Session<H>(Arc<H>);

impl<H: SessionHandler> StreamingService<AgentMessage> for Session<H> {
    type Response = ControllerMessage;
    type ResponseStream = BoxStream<'static, Result<ControllerMessage, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<AgentMessage>>) -> Self::Future {
        let handler = self.0.clone();
        Box::pin(async move { handler.session(request).await.map(Response::new) })
    }
}

/// The agent's side.
pub struct AgentClient(tonic::client::Grpc<tonic::transport::Channel>);

impl AgentClient {
    pub fn new(channel: tonic::transport::Channel) -> Self {
        Self(tonic::client::Grpc::new(channel).max_decoding_message_size(MESSAGE_MAX_BYTES))
    }

    /// Opens the session. It ends when either stream ends.
    pub async fn session(
        &mut self,
        messages: impl futures::Stream<Item = AgentMessage> + Send + 'static,
    ) -> Result<Streaming<ControllerMessage>, Status> {
        self.0.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = http::uri::PathAndQuery::from_static(METHOD);
        let codec = JsonCodec::<AgentMessage, ControllerMessage>::default();
        Ok(self.0.streaming(Request::new(messages), path, codec).await?.into_inner())
    }
}

struct JsonCodec<Out, In>(PhantomData<fn(Out) -> In>);

impl<Out, In> Default for JsonCodec<Out, In> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Out, In> Codec for JsonCodec<Out, In>
where
    Out: Serialize + Send + 'static,
    In: DeserializeOwned + Send + 'static,
{
    type Encode = Out;
    type Decode = In;
    type Encoder = JsonEncoder<Out>;
    type Decoder = JsonDecoder<In>;

    fn encoder(&mut self) -> Self::Encoder {
        JsonEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        JsonDecoder(PhantomData)
    }
}

struct JsonEncoder<Out>(PhantomData<fn(Out)>);

impl<Out: Serialize> Encoder for JsonEncoder<Out> {
    type Item = Out;
    type Error = Status;

    fn encode(&mut self, message: Out, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        serde_json::to_writer(buffer.writer(), &message).map_err(|error| Status::internal(error.to_string()))
    }
}

struct JsonDecoder<In>(PhantomData<fn() -> In>);

impl<In: DeserializeOwned> Decoder for JsonDecoder<In> {
    type Item = In;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<In>, Status> {
        serde_json::from_reader(buffer.reader())
            .map(Some)
            .map_err(|error| Status::invalid_argument(format!("message of the agent protocol: {error}")))
    }
}
