//! Tells what a task has come to.

use std::any::Any;
use std::panic::{self, resume_unwind};

use letgo::JoinError;

use super::things::Val;
use crate::model::Out;
use crate::program::BodyId;

pub(super) type Payload = Box<dyn Any + Send>;

const BOOM: &str = "boom ";

/// The panic of a body, past the panic hook.
pub(super) fn boom(body: BodyId) -> ! {
    resume_unwind(Box::new(format!("{BOOM}{body}")))
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a payload that is no text")
}

fn of_text(text: &str) -> Result<Out, String> {
    if let Some(body) = text.strip_prefix(BOOM) {
        let number = body.parse();
        return number.map(Out::Boom).map_err(|_| text.to_owned());
    }
    if is_no_value(text) {
        return Ok(Out::NoValue);
    }
    Err(format!("an unexpected panic: {text}"))
}

/// What `get` says of a cancelled task.
fn is_no_value(text: &str) -> bool {
    text.contains("gives no value: it was cancelled")
        || text.contains("gave no value: it was cancelled")
        || (text.starts_with("the producer spawned at ") && text.contains("cancelled"))
}

pub(super) fn of_panic(payload: &(dyn Any + Send)) -> Result<Out, String> {
    of_text(text(payload))
}

pub(super) fn of_error(error: &JoinError) -> Result<Out, String> {
    match error {
        JoinError::Cancelled => Ok(Out::Cancelled),
        error if error.is_panic() => of_text(error.message().unwrap_or("no text")),
        other => Err(format!("an unexpected error: {other}")),
    }
}

pub(super) fn of_got(got: &Result<Val, Payload>) -> Result<Out, String> {
    match got {
        Ok(value) => Ok(value.out()),
        Err(payload) => of_panic(&**payload),
    }
}

pub(super) fn of_joined(joined: &Result<Val, JoinError>) -> Result<Out, String> {
    match joined {
        Ok(value) => Ok(value.out()),
        Err(error) => of_error(error),
    }
}

/// From now on nothing is printed of panics that are part of a program.
pub(crate) fn silence_expected_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if of_text(text_of(info)).is_err() {
            before(info);
        }
    }));
}

fn text_of<'a>(info: &'a panic::PanicHookInfo<'_>) -> &'a str {
    info.payload_as_str().unwrap_or("a payload that is no text")
}
