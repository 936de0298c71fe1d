//! The one place that says which faults a scenario may name: those of the mock server's register.

pub use squall_mock_server::fault::{EngineKind, FaultInfo, FaultSpec, REGISTER as FAULTS};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use squall_mock_server::fault::REGISTER;

    use crate::scenario::{Problem, parse};

    #[test]
    fn a_misspelt_fault_is_told_the_nearest_of_the_register() {
        for info in REGISTER {
            let slip = format!("{}x", info.name);
            let text = format!(
                "name: slip\nruns_for: 1h\norganizations: {{ \"1\": {{}} }}\nsteps:\n  - {{ at: 1m, inject: {{ {slip}: {{}} }} }}\n"
            );
            let errors = parse(&text, Path::new("slip.yaml")).unwrap_err();
            assert!(
                matches!(
                    &errors[0].problem,
                    Problem::UnknownWord { what: "fault", nearest: Some(nearest), .. } if nearest == info.name
                ),
                "{}",
                errors[0]
            );
        }
    }
}
