use super::*;

pub(super) fn add(values: &mut Values) {
    values.both("Annotations", annotations());
    values.both("Icon", icon());
    values.both("Implementation", implementation());
    values.both("Role", Role::Assistant);
    values.both("LoggingLevel", LoggingLevel::Emergency);
    values.both("RequestId", RequestId::from(1));
    values.both("RequestId", RequestId::from("one"));
    values.both("ProgressToken", ProgressToken::from(1));
    values.both("ProgressToken", ProgressToken::from("one"));
    values.modern("ResultType", ResultType::InputRequired);

    values.modern("MetaObject", any_meta());
    values.modern("RequestMetaObject", request_meta());
    values.modern("NotificationMetaObject", notification_meta());
    values.modern("ResultMetaObject", result_meta());
    values.modern("SubscriptionsListenResultMeta", result_meta().with_subscription_id(7));

    values.both("RequestParams", RequestParams::new().with_meta(request_meta()));
    values.both("NotificationParams", NotificationParams::new().with_meta(notification_meta()));
    values.both(
        "PaginatedRequestParams",
        PaginatedRequestParams::new().with_cursor("page-2").with_meta(request_meta()),
    );
    values.both("Result", complete(EmptyResult::new()));
    values.both("EmptyResult", complete(EmptyResult::new()));

    values.legacy(
        "ClientCapabilities",
        client_capabilities().with_tasks(super::tasks::tasks_capability()),
    );
    values.modern("ClientCapabilities", client_capabilities());
    values.legacy(
        "ServerCapabilities",
        server_capabilities().with_tasks(super::tasks::tasks_capability()),
    );
    values.modern("ServerCapabilities", server_capabilities());

    values.legacy(
        "InitializeRequestParams",
        InitializeRequestParams::new(
            Revision::Legacy.name(),
            client_capabilities(),
            implementation(),
        )
        .with_meta(any_meta().with_progress_token(1)),
    );
    values.legacy(
        "InitializeResult",
        InitializeResult::new(Revision::Legacy.name(), server_capabilities(), implementation())
            .with_instructions("Ask for books")
            .with_meta(any_meta()),
    );
    values.modern("DiscoverResult", discover_result());
}

pub(super) fn discover_result() -> DiscoverResult {
    let versions = [ProtocolVersion::LATEST_MODERN.as_str().to_owned()];
    cached(DiscoverResult::new(versions, server_capabilities()).with_instructions("Ask for books"))
}

pub(super) fn client_capabilities() -> ClientCapabilities {
    ClientCapabilities::new()
        .with_elicitation(ElicitationCapability::new().with_form(Map::new()).with_url(Map::new()))
        .with_sampling(SamplingCapability::new().with_context(Map::new()).with_tools(Map::new()))
        .with_roots(RootsCapability::new().with_list_changed(true))
        .with_extensions(object(json!({"com.example/ext": {"mimeTypes": ["text/html"]}})))
        .with_experimental(object(json!({"telepathy": {"range": 3}})))
}

pub(super) fn server_capabilities() -> ServerCapabilities {
    ServerCapabilities::new()
        .with_tools(ListCapability::new().with_list_changed(true))
        .with_prompts(ListCapability::new().with_list_changed(false))
        .with_resources(ResourcesCapability::new().with_subscribe(true).with_list_changed(true))
        .with_completions(Map::new())
        .with_logging(Map::new())
        .with_extensions(object(json!({"com.example/ext": {}})))
        .with_experimental(object(json!({"telepathy": {}})))
}
