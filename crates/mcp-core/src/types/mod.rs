//! The objects of the protocol: one set of types for all revisions.
//!
//! A type has the members of all revisions; members that not every revision has are optional. Decoding is
//! lenient: unknown members, kinds and values are preserved.

#[macro_use]
mod wire;

mod capabilities;
mod common;
mod completion;
mod content;
mod elicitation;
mod entries;
mod error_data;
mod extra;
mod lenient_list;
mod lifecycle;
mod logging;
mod media;
mod meta;
mod methods;
mod mrtr;
mod number;
mod one_or_many;
mod primitive_schema;
mod progress;
mod prompts;
mod resource_contents;
mod resources;
mod results;
mod roots;
mod sampling;
mod subscriptions;
pub mod tasks_2025_11_25;
mod tools;
#[cfg(feature = "uri-templates")]
mod uri_template;

pub use capabilities::{
    ClientCapabilities, ElicitationCapability, ListCapability, ResourcesCapability,
    RootsCapability, SamplingCapability, ServerCapabilities,
};
pub use common::{
    Annotations, Icon, IconTheme, Implementation, NotificationParams, PaginatedRequestParams,
    ProgressToken, RequestParams, Role,
};
pub use completion::{
    CompleteRequestParams, CompleteResult, Completion, CompletionArgument, CompletionContext,
    CompletionReference, PromptReference, ResourceTemplateReference,
};
pub use content::{
    AudioContent, ContentBlock, EmbeddedResource, ImageContent, ResourceLink, TextContent,
    ToolResultContent, ToolUseContent,
};
pub use elicitation::{
    ElicitAction, ElicitMode, ElicitRequest, ElicitRequestFormParams, ElicitRequestOtherParams,
    ElicitRequestParams, ElicitRequestUrlParams, ElicitResult, ElicitSchema,
    ElicitationCompleteNotificationParams,
};
pub use entries::Entries;
pub use error_data::{
    MissingRequiredClientCapabilityData, UnsupportedProtocolVersionData, UrlElicitationRequiredData,
};
pub use extra::Extra;
pub use lenient_list::{LenientList, Skipped};
pub use lifecycle::{DiscoverResult, InitializeRequestParams, InitializeResult};
pub use logging::{LoggingLevel, LoggingMessageNotificationParams, SetLevelRequestParams};
pub use media::InvalidBase64;
pub use meta::{Meta, WithMeta};
pub use methods::{NotificationMethod, RequestMethod, decode_params, notifications, requests};
pub use mrtr::{InputRequest, InputRequiredResult, InputResponse, InputResponseRequestParams};
pub use number::Number;
pub use one_or_many::OneOrMany;
pub use primitive_schema::{
    BooleanSchema, EnumItems, EnumOption, LegacyTitledEnumSchema, NumberSchema, NumberType,
    PrimitiveSchema, StringFormat, StringSchema, TitledEnumItems, TitledMultiSelectEnumSchema,
    TitledSingleSelectEnumSchema, UntitledMultiSelectEnumSchema, UntitledSingleSelectEnumSchema,
};
pub use progress::{CancelledNotificationParams, ProgressNotificationParams};
pub use prompts::{
    GetPromptRequestParams, GetPromptResult, ListPromptsResult, Prompt, PromptArgument,
    PromptMessage,
};
pub use resource_contents::{BlobResourceContents, ResourceContents, TextResourceContents};
pub use resources::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceRequestParams,
    ReadResourceResult, Resource, ResourceRequestParams, ResourceTemplate,
    ResourceUpdatedNotificationParams,
};
pub use results::{
    CacheScope, Cacheable, EmptyResult, MethodResult, Outcome, Page, ResultType, ServerResult,
};
pub use roots::{ListRootsRequest, ListRootsResult, Root};
pub use sampling::{
    CreateMessageRequest, CreateMessageRequestParams, CreateMessageResult, IncludeContext,
    ModelHint, ModelPreferences, SamplingContent, SamplingMessage, StopReason, ToolChoice,
    ToolChoiceMode,
};
pub use subscriptions::{
    SubscriptionFilter, SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams, SubscriptionsListenResult, covers_resource,
};
pub use tools::{
    CallToolRequestParams, CallToolResult, ListToolsResult, Tool, ToolAnnotations, ToolError,
};
#[cfg(feature = "uri-templates")]
pub use uri_template::ExpandError;
