//! Definitions that only 2025-11-25 has.

use mcp_core::tasks_2025_11_25::*;

use super::*;

pub(super) fn add(values: &mut Values) {
    values.legacy("TaskStatus", TaskStatus::InputRequired);
    values.legacy("TaskMetadata", metadata());
    values.legacy("RelatedTaskMetadata", RelatedTaskMetadata::new("task-1"));
    values.legacy("Task", task(60_000));
    values.legacy("Task", task(None));
    values.legacy("CreateTaskResult", CreateTaskResult::new(task(None)).with_meta(any_meta()));
    values.legacy("GetTaskResult", task(None).with_meta(any_meta()));
    values.legacy("CancelTaskResult", task(None).with_meta(any_meta()));
    values.legacy("TaskStatusNotificationParams", task(None).with_meta(any_meta()));
    let payload = super::server::call_tool_result();
    values.legacy("GetTaskPayloadResult", TaskPayload(RawJson::from_serialize(&payload).unwrap()));
    values.legacy(
        "ListTasksResult",
        ListTasksResult::new([task(None)]).with_next_cursor("2").with_meta(any_meta()),
    );
    values.legacy("ToolExecution", ToolExecution::new().with_task_support(TaskSupport::Optional));

    let call = CallToolRequestParams::new("search_books")
        .with_arguments(Map::new())
        .with_task(metadata())
        .with_meta(any_meta().with_progress_token(1));
    values.legacy("CallToolRequestParams", &call);
    values.legacy("TaskAugmentedRequestParams", &call);
    let execution = ToolExecution::new().with_task_support(TaskSupport::Forbidden);
    values.legacy("Tool", super::server::tool().with_execution(execution));
    values.legacy(
        "CreateMessageRequestParams",
        super::client::create_message_params().with_task(metadata()).with_meta(any_meta()),
    );
    values.legacy(
        "ElicitRequestFormParams",
        super::client::form_params().with_task(metadata()).with_meta(any_meta()),
    );
    values.legacy(
        "ElicitRequestURLParams",
        super::client::url_params().with_task(metadata()).with_meta(any_meta()),
    );
}

fn metadata() -> TaskMetadata {
    TaskMetadata::new().with_ttl(60_000)
}

pub(super) fn task(ttl: impl Into<Option<i64>>) -> Task {
    let (created, updated) = ("2025-11-25T10:30:00Z", "2025-11-25T10:40:00Z");
    Task::new("task-1", TaskStatus::Working, created, updated, ttl)
        .with_status_message("looking for books")
        .with_poll_interval(5000)
}

pub(super) fn tasks_capability() -> TasksCapability {
    let requests = TaskRequestsCapability::new()
        .with_tools(object(json!({"call": {}})))
        .with_sampling(object(json!({"createMessage": {}})))
        .with_elicitation(object(json!({"create": {}})));
    TasksCapability::new().with_list(Map::new()).with_cancel(Map::new()).with_requests(requests)
}
