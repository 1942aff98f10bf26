// Creates an incident, by the JDK alone:
//   SERVICENOW_URL=http://127.0.0.1:8080 SERVICENOW_HTTP_TOKEN=... INSTANCE=dev12345 java Create.java

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

public class Create {
    public static void main(String[] arguments) throws Exception {
        var inputs = """
                {
                    "authorization": "main", "instance": "%s", "timeout_ms": 5000, "correlation_id": "java-4711",
                    "request_body": {"case": "fields", "value": [["short_description", "Printer on fire"]]}
                }
                """.formatted(System.getenv("INSTANCE"));
        var request = HttpRequest.newBuilder(URI.create(System.getenv("SERVICENOW_URL") + "/v1/create"))
                .header("Authorization", "Bearer " + System.getenv("SERVICENOW_HTTP_TOKEN"))
                .header("Content-Type", "application/json")
                // A little more than the call itself may take.
                .timeout(Duration.ofSeconds(6))
                .POST(HttpRequest.BodyPublishers.ofString(inputs))
                .build();
        // A body as small as this goes in one segment with its head over HTTP/1.1.
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var response = client.send(request, BodyHandlers.ofString());
        // 200 is an outcome, whichever: its case decides what the flow does next. Anything else made no call.
        System.out.println(response.body());
        System.exit(response.statusCode() == 200 && response.body().startsWith("{\"case\":\"incident-created\"") ? 0 : 1);
    }
}
