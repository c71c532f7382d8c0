//! What invokes a function, as far as Lambda itself knows it.

/// A kind of source that Lambda polls for a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventSource {
    /// A queue of Amazon SQS.
    Sqs,
    /// A stream of Amazon Kinesis.
    Kinesis,
    /// The stream of a DynamoDB table.
    DynamoDb,
    /// A topic of Kafka, on Amazon MSK or elsewhere.
    Kafka,
    /// A broker of Amazon MQ.
    Mq,
    /// The changes of a DocumentDB cluster.
    DocumentDb,
    /// Something else.
    Other,
}

impl EventSource {
    /// As it stands in a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodb",
            Self::Kafka => "kafka",
            Self::Mq => "mq",
            Self::DocumentDb => "documentdb",
            Self::Other => "other",
        }
    }

    /// The kind of what an ARN names. DocumentDB has the ARNs of RDS.
    /// <https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html>
    ///
    /// ```
    /// use breakeven_model::inventory::EventSource;
    ///
    /// let queue = EventSource::of_arn("arn:aws:sqs:us-east-1:123456789012:orders");
    /// assert_eq!(queue, EventSource::Sqs);
    /// ```
    #[must_use]
    pub fn of_arn(arn: &str) -> Self {
        match arn.split(':').nth(2) {
            Some("sqs") => Self::Sqs,
            Some("kinesis") => Self::Kinesis,
            Some("dynamodb") => Self::DynamoDb,
            Some("kafka") => Self::Kafka,
            Some("mq") => Self::Mq,
            Some("rds") => Self::DocumentDb,
            _ => Self::Other,
        }
    }
}
