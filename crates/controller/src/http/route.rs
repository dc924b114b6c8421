//! One declaration for each route, beside its handler. The router and the OpenAPI document both derive from it.
//!
//! ```text
//!   Route::post(path, scope, handler, lost)   ──► router    method, path, gate, how a lost response is rebuilt
//!       .doc(id, summary, success)            ──► document  operation, parameters, bodies, responses
//! ```
//!
//! Request and response types are those of the handler's signature: each extractor is an [`Input`], the result an
//! [`Output`]. A declaration without a path, a scope, a description, or a way to rebuild a lost response does not compile, and
//! neither does a handler whose types cannot be documented.

use std::convert::Infallible;
use std::future::Future;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use miosa_api::error::ErrorEnvelope;
use miosa_api::page::List;
use miosa_api::twin::Twin;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::idempotency::{Lost, Memory};
use super::{ApiError, Http, Request, openapi};
use crate::auth::Scope;

/// A path below the prefix, the methods that its handler serves, and their documentation.
pub(super) struct Route {
    /// The first one is documented; the others do the same.
    pub(super) methods: Vec<Method>,
    pub(super) path: &'static str,
    /// `None` for the routes that need no key.
    pub(super) scope: Option<Scope>,
    pub(super) memory: Memory,
    pub(super) handler: MethodRouter<Http>,
    pub(super) docs: Docs,
}

impl Route {
    /// A route without a key.
    pub(super) fn open<T: 'static, H: Endpoint<T>>(path: &'static str, handler: H) -> Self {
        let mut route = Self::new(&[Method::GET], path, None, handler, Memory::Nothing);
        route.docs.operation.security = Some(vec![SecurityRequirement::default()]);
        route
    }

    pub(super) fn get<T: 'static, H: Endpoint<T>>(path: &'static str, handler: H, scope: Scope) -> Self {
        Self::new(&[Method::GET], path, Some(scope), handler, Memory::Nothing)
    }

    pub(super) fn post<T: 'static, H: Endpoint<T>>(
        path: &'static str,
        handler: H,
        scope: Scope,
        lost: Lost<H::Output>,
    ) -> Self {
        Self::new(&[Method::POST], path, Some(scope), handler, lost.memory)
    }

    pub(super) fn put<T: 'static, H: Endpoint<T>>(
        path: &'static str,
        handler: H,
        scope: Scope,
        lost: Lost<H::Output>,
    ) -> Self {
        Self::new(&[Method::PUT], path, Some(scope), handler, lost.memory)
    }

    /// `PUT` does what `PATCH` does, because published clients send either.
    pub(super) fn patch<T: 'static, H: Endpoint<T>>(
        path: &'static str,
        handler: H,
        scope: Scope,
        lost: Lost<H::Output>,
    ) -> Self {
        Self::new(&[Method::PATCH, Method::PUT], path, Some(scope), handler, lost.memory)
    }

    /// The same for a path where some clients send `POST` as well.
    pub(super) fn patch_or_post<T: 'static, H: Endpoint<T>>(
        path: &'static str,
        handler: H,
        scope: Scope,
        lost: Lost<H::Output>,
    ) -> Self {
        Self::new(&[Method::PATCH, Method::PUT, Method::POST], path, Some(scope), handler, lost.memory)
    }

    pub(super) fn delete<T: 'static, H: Endpoint<T>>(
        path: &'static str,
        handler: H,
        scope: Scope,
        lost: Lost<H::Output>,
    ) -> Self {
        Self::new(&[Method::DELETE], path, Some(scope), handler, lost.memory)
    }

    fn new<T: 'static, H: Endpoint<T>>(
        methods: &[Method],
        path: &'static str,
        scope: Option<Scope>,
        handler: H,
        memory: Memory,
    ) -> Self {
        let mut docs = Docs::of(path);
        H::describe(&mut docs);
        if !matches!(memory, Memory::Nothing) {
            docs.parameters::<openapi::IdempotencyKey>();
        }
        let filters = methods.iter().map(|method| MethodFilter::try_from(method.clone()));
        let filter = filters
            .map(|filter| filter.expect("these are standard methods"))
            .reduce(MethodFilter::or)
            .expect("a route has a method");
        let handler = on(filter, handler);
        Self { methods: methods.to_vec(), path, scope, memory, handler, docs }
    }

    /// Adds the documentation. `id` names the operation's function in generated clients, and `text` is lines of
    /// documentation: a summary, an empty line, a description. Responses of 400 and more carry the error envelope, the
    /// others what the handler succeeds with.
    pub(super) fn doc(mut self, tag: &str, id: &str, text: &[&str], responses: &[(u16, &str)]) -> Self {
        let docs = &mut self.docs;
        let text = text.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        let (summary, description) = text.split_once("\n\n").map_or((&*text, None), |(s, d)| (s, Some(d)));
        docs.operation.tags = Some(vec![tag.into()]);
        docs.operation.operation_id = Some(id.into());
        docs.operation.summary = Some(summary.into());
        docs.operation.description = description.map(Into::into);
        let refusal = Some(("application/json", docs.schema::<ErrorEnvelope>()));
        for (status, description) in responses {
            let body = if *status < 400 { docs.success.clone() } else { refusal.clone() };
            docs.respond(*status, description, body);
        }
        self
    }

    /// An example of the request's body.
    pub(super) fn example(mut self, body: Value) -> Self {
        let request = self.docs.operation.request_body.as_mut();
        if let Some(RefOr::T(request)) = request
            && let Some(RefOr::T(content)) = request.content.get_mut("application/json")
        {
            content.example = Some(body);
        }
        self
    }
}

/// Declares the routes of a module. Each has its documentation, then
///
/// ```text
/// method path operation_id: handler, scope, lost;      `lost` for methods that change something: see [`Lost`]
///     status "description";                            as many as there are
///     example {…};                                     of the request's body, if it has one
/// ```
macro_rules! routes {
    ($tag:literal; $(
        $(#[doc = $text:literal])+
        $method:ident $path:literal $id:ident: $handler:path $(, $argument:expr)*;
        $($status:literal $description:literal;)*
        $(example $example:tt;)?
    )+) => {
        pub(super) fn routes() -> Vec<$crate::http::route::Route> {
            vec![$(
                $crate::http::route::Route::$method($path, $handler $(, $argument)*)
                    .doc($tag, stringify!($id), &[$($text),+], &[$(($status, $description)),*])
                    $(.example(serde_json::json!($example)))?,
            )+]
        }
    };
}
pub(super) use routes;

/// A media type, and the schema of what it carries.
type Described = (&'static str, RefOr<Schema>);

/// A route in the OpenAPI document.
pub(super) struct Docs {
    pub(super) path: &'static str,
    pub(super) operation: Operation,
    /// Every schema that the operation refers to, by name.
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    success: Option<Described>,
}

impl Docs {
    fn of(path: &'static str) -> Self {
        Self { path, operation: Operation::default(), schemas: Vec::new(), success: None }
    }

    pub(super) fn parameter(&mut self, parameter: Parameter) {
        self.operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
    }

    fn parameters<P: IntoParams>(&mut self) {
        P::into_params(|| None).into_iter().for_each(|parameter| self.parameter(parameter));
    }

    /// Documents the next parameter in the path. A runtime instance is known by the parameter's name: its id is a computer's.
    pub(super) fn path_parameter(&mut self, description: &str, schema: RefOr<Schema>) {
        let described = self.operation.parameters.as_ref().map_or(0, Vec::len);
        let mut names = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let name = names.nth(described).expect("the path has a parameter for each id of its handler");
        let description = if name == "instance_id" { "Runtime instance" } else { description };
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
        let parameter =
            parameter.required(Required::True).description(Some(description)).schema(Some(schema));
        self.parameter(parameter.build());
    }

    fn named(&mut self, name: String, schema: RefOr<Schema>) -> RefOr<Schema> {
        let reference = RefOr::Ref(Ref::from_schema_name(&name));
        self.schemas.push((name, schema));
        reference
    }

    /// A reference to `T`, with everything that it refers to itself.
    pub(super) fn schema<T: ToSchema>(&mut self) -> RefOr<Schema> {
        T::schemas(&mut self.schemas);
        self.named(T::name().into(), T::schema())
    }

    fn body<T: ToSchema>(&mut self) {
        let content = Content::new(Some(self.schema::<T>()));
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        self.operation.request_body = Some(RefOr::T(body.build()));
    }

    /// What the handler succeeds with.
    pub(super) fn succeeds(&mut self, media_type: &'static str, schema: RefOr<Schema>) {
        self.success = Some((media_type, schema));
    }

    fn respond(&mut self, status: u16, description: &str, body: Option<Described>) {
        let mut response = ResponseBuilder::new().description(description);
        if let Some((media_type, schema)) = body {
            response = response.content(media_type, ContentBuilder::new().schema(Some(schema)).build());
        }
        self.operation.responses.responses.insert(status.to_string(), RefOr::T(response.build()));
    }
}

/// Something that a handler takes out of a request.
pub(super) trait Input {
    fn describe(_: &mut Docs) {}
}

impl Input for State<Http> {}
impl Input for Request {}
impl Input for HeaderMap {}

impl<P: IntoParams> Input for super::query::Query<P> {
    fn describe(docs: &mut Docs) {
        docs.parameters::<P>();
    }
}

impl<T: ToSchema> Input for super::body::Body<T> {
    fn describe(docs: &mut Docs) {
        docs.body::<T>();
    }
}

/// A body that its handler reads by itself, because more is accepted than the `T` that is documented.
pub(super) struct Raw<T>(pub(super) Bytes, std::marker::PhantomData<T>);

impl<T, S: Send + Sync> axum::extract::FromRequest<S> for Raw<T> {
    type Rejection = <Bytes as axum::extract::FromRequest<S>>::Rejection;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Self::Rejection> {
        Bytes::from_request(request, state).await.map(|bytes| Self(bytes, std::marker::PhantomData))
    }
}

impl<T: ToSchema> Input for Raw<T> {
    fn describe(docs: &mut Docs) {
        docs.body::<T>();
    }
}

/// What a handler succeeds with.
pub(super) trait Output: IntoResponse {
    fn describe(docs: &mut Docs);
}

/// 200 with one object.
pub(super) struct Object<T>(pub(super) T);
/// 201 with the object that was made.
pub(super) struct Created<T>(pub(super) T);
/// 200 with a list, or a page of one.
pub(super) struct Listed<T>(pub(super) List<T>);
/// 200 with either JSON or, for a caller that asks for them, events.
pub(super) enum OrEvents<T> {
    Json(T),
    Events(Response),
}
/// 200 with an endless list of events.
pub(super) struct Events(pub(super) Response);

impl<T> From<T> for Object<T> {
    fn from(object: T) -> Self {
        Self(object)
    }
}

impl<T> From<T> for Created<T> {
    fn from(object: T) -> Self {
        Self(object)
    }
}

impl<T: Serialize + Clone> IntoResponse for Object<T> {
    fn into_response(self) -> Response {
        Json(Twin::of(self.0)).into_response()
    }
}

impl<T: Serialize + Clone> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(Twin::of(self.0))).into_response()
    }
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

impl<T: IntoResponse> IntoResponse for OrEvents<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Json(body) => body.into_response(),
            Self::Events(response) => response,
        }
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: Serialize + Clone + ToSchema> Output for Object<T>
where
    Twin<T>: ToSchema,
{
    fn describe(docs: &mut Docs) {
        docs.schema::<T>();
        let schema = docs.named(format!("Twin_{}", T::name()), Twin::<T>::schema());
        docs.succeeds("application/json", schema);
    }
}

impl<T: Serialize + Clone + ToSchema> Output for Created<T>
where
    Twin<T>: ToSchema,
{
    fn describe(docs: &mut Docs) {
        Object::<T>::describe(docs);
    }
}

impl<T: Serialize + ToSchema> Output for Listed<T>
where
    List<T>: ToSchema,
{
    fn describe(docs: &mut Docs) {
        docs.schema::<T>();
        List::<T>::schemas(&mut docs.schemas);
        let schema = docs.named(format!("List_{}", T::name()), List::<T>::schema());
        docs.succeeds("application/json", schema);
    }
}

impl<T: Serialize + ToSchema> Output for Json<T> {
    fn describe(docs: &mut Docs) {
        let schema = docs.schema::<T>();
        docs.succeeds("application/json", schema);
    }
}

impl<T: Output> Output for OrEvents<T> {
    fn describe(docs: &mut Docs) {
        T::describe(docs);
    }
}

impl Output for Events {
    fn describe(docs: &mut Docs) {
        docs.succeeds("text/event-stream", <String as PartialSchema>::schema());
    }
}

/// Of routes that always refuse.
impl Output for Infallible {
    fn describe(_: &mut Docs) {}
}

/// A handler of a route; `T` is axum's type for its arguments.
pub(super) trait Endpoint<T>: Handler<T, Http> + Signature<T> {}

impl<T, H: Handler<T, Http> + Signature<T>> Endpoint<T> for H {}

/// A handler whose arguments and result can be documented.
pub(super) trait Signature<T> {
    type Output: Output;

    fn describe(docs: &mut Docs);
}

macro_rules! signatures {
    ($([$($input:ident),*])*) => {$(
        impl<F, Fut, O, M, $($input),*> Signature<(M, $($input,)*)> for F
        where
            F: FnOnce($($input),*) -> Fut,
            Fut: Future<Output = Result<O, ApiError>>,
            O: Output,
            $($input: Input,)*
        {
            type Output = O;

            fn describe(docs: &mut Docs) {
                $($input::describe(docs);)*
                O::describe(docs);
            }
        }
    )*};
}

signatures! {
    []
    [A]
    [A, B]
    [A, B, C]
    [A, B, C, D]
    [A, B, C, D, E]
}
