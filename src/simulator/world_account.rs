//! The clinic's account at Meta: its token, its number and its files. It must
//! tell a wrong token from a wrong object, as Meta does.

use super::graph_error::GraphError;
use super::world::{Reply, World};
use serde_json::json;

impl World {
    /// Checks the bearer token of a call.
    ///
    /// # Errors
    /// The reply to give instead of an answer.
    pub fn authorise(&mut self, bearer: Option<&str>) -> Result<(), Reply> {
        if bearer == Some(self.settings.access_token.as_str()) {
            return Ok(());
        }
        let error = GraphError::new(190, "The access token could not be decoded or has expired");
        Err(self.refuse(&error))
    }

    /// `GET /{version}/{object}`: the clinic's number, a media file, or nothing.
    pub fn describe(&mut self, object: &str, base_url: &str) -> Reply {
        if object == self.settings.phone_number_id {
            let number = json!({
                "id": object,
                "verified_name": "Simulated Clinic",
                "display_phone_number": self.settings.display_phone_number,
                "quality_rating": "GREEN",
                "status": "CONNECTED",
                "throughput": { "level": "STANDARD" },
            });
            return Reply::json(200, &number);
        }
        match self.media.describe(object, base_url) {
            Some(file) => Reply::json(200, &file),
            None => self.refuse(&GraphError::no_such_object(object)),
        }
    }
}
