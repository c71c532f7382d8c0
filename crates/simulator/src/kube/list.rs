//! Lists and single objects.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::server::{Body, json};
use super::content_type::{self, META_VERSION, Representation};
use super::parameters::Parameters;
use super::resource::ResourceType;
use super::state::KubeState;
use super::store::Key;
use super::{status, table};

/// A list of the objects of a type, of one namespace if given, in chunks if asked for.
pub(super) fn list(
    state: &KubeState,
    resource: &'static ResourceType,
    namespace: Option<&str>,
    parameters: &Parameters,
    representation: Representation,
) -> Response<Body> {
    let page = match page(state, resource, namespace, parameters) {
        Ok(page) => page,
        Err(response) => return *response,
    };
    let mut metadata = json!({ "resourceVersion": page.version.to_string() });
    if let Some(token) = page.continue_token {
        metadata["continue"] = token.into();
        if parameters.selector == super::selector::Selector::default() {
            metadata["remainingItemCount"] = page.remaining.into();
        }
    }
    let objects = page.objects.iter().map(|object| &**object);
    let list = match representation {
        Representation::Whole => json!({
            "kind": format!("{}List", resource.kind),
            "apiVersion": resource.api_version(),
            "metadata": metadata,
            "items": objects.map(content_type::list_item).collect::<Vec<_>>(),
        }),
        Representation::Metadata => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": META_VERSION,
            "metadata": metadata,
            "items": objects.map(content_type::metadata_of).collect::<Vec<_>>(),
        }),
        Representation::Table => table::new(
            resource,
            objects,
            metadata,
            parameters.include_object.as_deref(),
            state.now(),
            true,
        ),
    };
    json(StatusCode::OK, &list)
}

/// One object.
pub(super) fn get(
    state: &KubeState,
    resource: &'static ResourceType,
    namespace: &str,
    name: &str,
    parameters: &Parameters,
    representation: Representation,
) -> Response<Body> {
    let key = (namespace.to_owned(), name.to_owned());
    let Some(object) = state.store().get(resource, &key).cloned() else {
        return status::no_object(resource, name);
    };
    let answer = match representation {
        Representation::Whole => Value::clone(&object),
        Representation::Metadata => content_type::metadata_of(&object),
        Representation::Table => table::new(
            resource,
            std::iter::once(&*object),
            json!({ "resourceVersion": object["metadata"]["resourceVersion"] }),
            parameters.include_object.as_deref(),
            state.now(),
            true,
        ),
    };
    json(StatusCode::OK, &answer)
}

struct Page {
    version: u64,
    objects: Vec<Arc<Value>>,
    continue_token: Option<String>,
    remaining: usize,
}

fn page(
    state: &KubeState,
    resource: &'static ResourceType,
    namespace: Option<&str>,
    parameters: &Parameters,
) -> Result<Page, Box<Response<Body>>> {
    let bad = |message: &str| Box::new(status::error(StatusCode::BAD_REQUEST, message));
    let start = parameters
        .continue_token
        .as_deref()
        .map(Start::read)
        .transpose();
    let start = start.map_err(|()| bad("continue key is not valid"))?;
    let store = state.store();
    let asked = parameters
        .resource_version
        .as_deref()
        .map(str::parse::<u64>)
        .transpose();
    let asked = asked.map_err(|_| bad("Invalid value: resourceVersion must be a number"))?;
    let version = match (&start, asked, parameters.resource_version_match.as_deref()) {
        (Some(start), ..) => start.version,
        (None, Some(asked), Some("Exact")) => asked,
        _ => store.version(),
    };
    if let Some(asked) = asked
        .max(Some(version))
        .filter(|asked| *asked > store.version())
    {
        let message = format!(
            "Too large resource version: {asked}, current: {}",
            store.version()
        );
        return Err(Box::new(status::error(
            StatusCode::GATEWAY_TIMEOUT,
            &message,
        )));
    }
    let objects = store.all_at(resource, version).map_err(|_| {
        let message = "The provided continue parameter is too old to display a consistent list result. \
                       You must start a new list without the continue parameter.";
        Box::new(status::error(StatusCode::GONE, message))
    })?;
    let after = start.map(|start| start.after);
    let mut left = objects.into_iter().filter(|(key, object)| {
        after.as_ref().is_none_or(|after| key > after)
            && namespace.is_none_or(|namespace| key.0 == namespace)
            && parameters.selector.selects(object)
    });
    let limit = parameters.limit.unwrap_or(usize::MAX);
    let taken: Vec<(Key, Arc<Value>)> = left.by_ref().take(limit).collect();
    let remaining = left.count();
    let continue_token = taken.last().filter(|_| remaining > 0).map(|(key, _)| {
        Start {
            version,
            after: key.clone(),
        }
        .write()
    });
    let objects = taken.into_iter().map(|(_, object)| object).collect();
    Ok(Page {
        version,
        objects,
        continue_token,
        remaining,
    })
}

/// Where a chunk begins. A client keeps it as it is.
struct Start {
    version: u64,
    after: Key,
}

impl Start {
    fn write(&self) -> String {
        format!("{}:{}/{}", self.version, self.after.0, self.after.1)
    }

    fn read(text: &str) -> Result<Self, ()> {
        let (version, after) = text.split_once(':').ok_or(())?;
        let (namespace, name) = after.split_once('/').ok_or(())?;
        let version = version.parse().map_err(|_| ())?;
        Ok(Self {
            version,
            after: (namespace.to_owned(), name.to_owned()),
        })
    }
}
