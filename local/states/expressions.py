"""Expressions, variables and error matching of the interpreter, as Step Functions has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from local.states import interpreter as asl
from local.states.jsonata import QueryError, evaluate
from local.states.limits import check_variables
from local.symbols import replace, resolve

_BEFORE = "_local_values_before_assign"


def moment(value: datetime) -> str:
    """Return a time as the context object has it."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _variables(env: Any) -> dict[str, Any]:
    store = env.variable_store
    values = getattr(store, _BEFORE, None)
    if values is None:
        values = {**store._outer_scope, **store._inner_scope}
    data = env.states._states_data
    known = {key: value for key, value in data.items() if value is not None or key == "input"}
    return {**values, "states": known}


def _eval_jsonata(self: Any, env: Any) -> None:
    try:
        env.stack.append(evaluate(self.expression.strip(), _variables(env)))
    except QueryError as error:
        raise asl.FailureEventException(asl.query_failure(env, str(error))) from error


def _eval_assign(self: Any, env: Any) -> None:
    """Assign all variables at once; Output still sees the values from before, as on AWS."""
    values: dict[str, Any] = {}
    for binding in self.declaration_bindings:
        binding.eval(env=env)
        values.update(env.stack.pop())
    check_variables(env, values)
    store = env.variable_store
    if not hasattr(store, _BEFORE):
        setattr(store, _BEFORE, {**store._outer_scope, **store._inner_scope})
    for name, value in values.items():
        store.set(variable_identifier=name, variable_value=value)


def _reset_tracing(self: Any) -> None:
    """End of a state: from here on its variables have their new values."""
    self._declaration_tracing.clear()
    if hasattr(self, _BEFORE):
        delattr(self, _BEFORE)


def _text(parser_rule_context: Any) -> str | None:
    """Return a text of the definition with its JSON escapes resolved; moto leaves some in."""
    written: str = parser_rule_context.getText()
    if written == "null":
        return None
    return str(json.loads(written)) if written[:1] == written[-1:] == '"' else written


def matches_error(names: list[str], error: str | None) -> bool:
    """Return whether an ErrorEquals list covers an error name.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    if error == "States.Runtime":
        return False
    if "States.ALL" in names:
        return error != "States.DataLimitExceeded"
    if "States.TaskFailed" in names and error not in ("States.Timeout", "States.DataLimitExceeded"):
        return True
    return error in names


def _eval_error_equals(self: Any, env: Any) -> None:
    error = env.stack.pop()
    names = [name.error_name for name in self.error_names]
    env.stack.append(matches_error(names, error.error_name if error else None))


def _any_error_name(self: Any, error_name: str | None) -> None:
    """Take reserved names too: a branch may fail with one, and it is re-raised under it."""
    asl.ErrorName.__init__(self, error_name=error_name)


def _eval_execution_output(self: Any, env: Any) -> None:
    """Evaluate the output of a Task, Map or Parallel; Catch covers a failure of it."""
    if isinstance(env.stack[-1], asl.CatchOutcome):
        return
    try:
        _original_output(self, env)
    except asl.FailureEventException as error:
        failure = error.failure_event
        if failure.event_type != asl.History.EvaluationFailed:
            raise
        _report(env, failure)
        details = failure.event_details["evaluationFailedEventDetails"]
        env.states.set_error_output({"Error": details["error"], "Cause": details["cause"]})
        if self.catch:
            self._handle_catch(env=env, failure_event=failure)
            if env.stack[-1] == asl.CatchOutcome.Caught:
                return
        raise


def _report(env: Any, failure: Any) -> None:
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=failure.event_type,
        event_details=failure.event_details,
    )


def _eval_state_body(self: Any, env: Any) -> None:
    """Put a failed expression of a Pass, Choice, Wait, Succeed or Fail state into the history."""
    try:
        _original_body(self, env)
    except asl.FailureEventException as error:
        failed = error.failure_event.event_type == asl.History.EvaluationFailed
        if failed and not isinstance(self, asl.ExecutionState):
            _report(env, error.failure_event)
        raise


def _eval_condition(self: Any, env: Any) -> None:
    self.string_jsonata.eval(env=env)
    if not isinstance(env.stack[-1], bool):
        expression = self.string_jsonata.expression
        cause = f"The JSONata expression '{expression}' specified for the field 'Condition' "
        cause += (
            f"returned an unexpected result type. Expected 'BOOLEAN', but was {env.stack[-1]!r}."
        )
        raise asl.FailureEventException(asl.query_failure(env, cause))


def _eval_choice(self: Any, env: Any) -> None:
    env.heap["default"] = False
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append(rule.next_stmt.name)
            return
    if self.default_state is None:
        failure = asl.query_failure(env, f"No choice of the state '{self.name}' matched.")
        failure.error_name.error_name = "States.NoChoiceMatched"
        details = failure.event_details["evaluationFailedEventDetails"]
        details["error"] = "States.NoChoiceMatched"
        raise asl.FailureEventException(failure)
    env.heap["default"] = True
    env.stack.append(self.default_state.state_name)


def _eval_choice_output(self: Any, env: Any) -> None:
    """Evaluate the state's own Assign and Output only where no rule matched."""
    following = env.stack.pop()
    if env.heap.get("default"):
        if self.assign_decl:
            self.assign_decl.eval(env=env)
        if self.output:
            self.output.eval(env=env)
    if self._is_language_query_jsonpath():
        if self.output_path:
            self.output_path.eval(env=env)
        else:
            env.states.reset(input_value=env.stack.pop())
    env.next_state_name = following


def _state_data(**fields: Any) -> dict[str, Any]:
    return {**fields, "EnteredTime": moment(datetime.fromisoformat(fields["EnteredTime"]))}


def _execution_data(**fields: Any) -> dict[str, Any]:
    return {**fields, "StartTime": moment(fields["StartTime"])}


_original_output: Any = None
_original_body: Any = None


def install() -> None:
    """Put these functions into the interpreter."""
    global _original_output, _original_body  # noqa: PLW0603 - set once, at start
    text = f"{asl.COMMON}string.string_expression"
    replace(f"{text}:StringJSONata._eval_body", _eval_jsonata)
    replace(f"{text}:StringVariableSample._eval_body", _eval_jsonata)
    replace(f"{asl.COMMON}assign.assign_decl:AssignDecl._eval_body", _eval_assign)
    replace(f"{asl.ASL}eval.variable_store:VariableStore.reset_tracing", _reset_tracing)
    replace(
        f"{asl.COMMON}error_name.error_equals_decl:ErrorEqualsDecl._eval_body", _eval_error_equals
    )
    replace(f"{asl.COMMON}error_name.custom_error_name:CustomErrorName.__init__", _any_error_name)
    execution = f"{asl.STATE}exec.execute_state:ExecutionState._eval_state_output"
    _original_output = replace(execution, _eval_execution_output)
    _original_body = replace(f"{asl.STATE}state:CommonStateField._eval_body", _eval_state_body)
    replace(f"{asl.ASL}parse.preprocessor:Preprocessor._inner_string_of", _text)
    replace(f"{asl.ASL}parse.preprocessor:from_string_literal", _text)
    choice = f"{asl.STATE}choice.state_choice:StateChoice"
    condition = f"{asl.STATE}choice.comparison.comparison:ConditionStringJSONata._eval_body"
    replace(condition, _eval_condition)
    replace(f"{choice}._eval_state", _eval_choice)
    replace(f"{choice}._eval_state_output", _eval_choice_output)
    replace(f"{asl.STATE}state:StateData", _state_data)
    replace(f"{asl.BACKEND}execution_worker:ExecutionData", _execution_data)
    # It makes a parser each time, which took a fifth of a run, and is asked for "$" alone.
    path = f"{asl.COMMON}path.result_path:parse"
    replace(path, cache(resolve(path)))
