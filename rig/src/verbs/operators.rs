//! Where operators of a stack go: the console and the admin API, with a token to try them with.

use rig::stack::{AdminRole, Handle, PartKind, StackError};

/// What to open and what to type; nothing where no persister runs.
pub(crate) fn lines(stack: &Handle) -> Result<String, StackError> {
    let Some(persister) = stack.addresses(PartKind::Persister).into_iter().next() else {
        return Ok(String::new());
    };
    let operator = stack.admin_token(AdminRole::Operator)?;
    let viewer = stack.admin_token(AdminRole::Viewer)?;
    Ok(format!(
        "
the console, in a browser: http://{persister}/console/
  sign in as an operator of this stack: {operator}
  or as somebody who only looks:        {viewer}
the admin API, as an operator:
  curl -s http://{persister}/admin/v1/events -H 'Authorization: Bearer {operator}'
  curl -s http://{persister}/admin/v1/audit -H 'Authorization: Bearer {operator}'
"
    ))
}
